"""What waits for whom, over HTTP: in every answer, in both lists, and in the numbers of `/v1/me/work`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import pytest

from deploy.local.servers import Servers
from services.assignment.check import compare_task
from services.assignment.tasks.store import TASKS, fill_derived
from services.assignment.tasks.store.records import LATER
from shared.office.access import Principal
from shared.office.vocabulary import Role, WaitKind
from tests.support.assignment import ACCOUNTS, EVERYBODY, PROGRAMS, TaskService, code_of, running_tasks
from tests.support.waiting_oracle import has_duty, kinds_for

RETURNED: Final = {"accepted": False, "reason": "Thiếu số liệu"}
LIVES: Final[Mapping[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "assigned": ({}, ()),
    "assigned to another": ({"lead_agency": "stranger", "deadline": "2026-10-12"}, ()),
    "express": ({"deadline": None, "due_at": "2026-10-08T15:00:00+07:00"}, ()),
    "received": ({"deadline": "2026-10-09"}, ("receipt",)),
    "in progress": ({"deadline": "2026-10-08"}, ("receipt", "delegation")),
    "worked on by the head": ({}, ("receipt", "work")),
    "finished": ({"deadline": "2026-10-30"}, ("receipt", "delegation", "finish")),
    "asking": ({}, ("receipt", "extension")),
    "reported": ({"deadline": "2026-10-07"}, ("receipt", "delegation", "report")),
    "returned": ({}, ("receipt", "report", "return")),
    "completed": ({}, ("receipt", "report", "report/decision")),
    "refused": ({}, ("refusal",)),
    "recalled": ({}, ("receipt", "recall")),
    "reassigned": ({"deadline": None}, ("reassignment",)),
    "reported late": ({"deadline": "2026-10-06"}, ("receipt", "late", "report")),
    "explained": ({"deadline": "2026-10-06"}, ("receipt", "late", "explanation")),
    "completed late": ({"deadline": "2026-10-06"}, ("receipt", "late", "report", "explanation", "report/decision")),
    "asking late": ({"deadline": "2026-10-06"}, ("receipt", "extension", "late", "report")),
}
MOMENTS: Final = ("2026-10-08T10:00:00", "2026-10-08T15:00:01", "2026-10-17T09:00:00")


@pytest.fixture(scope="module")
async def filled(servers: Servers) -> AsyncIterator[TaskService]:
    """The service with the lives twice: a leader's own, and those that a coordinator enters for another leader."""
    async with running_tasks(servers) as service:
        for number, (changes, acts) in enumerate(LIVES.values()):
            for by, assigner in (("leader", {}), ("coordinator", {"assigner": "other-leader"})):
                service.clock.set(f"2026-10-05T09:{number:02}:00")
                task = await service.assigned(by=by, **changes, **assigner)
                for act in acts:
                    await _live(service, task, act, by)
        yield service


@pytest.fixture
def service(filled: TaskService) -> TaskService:
    filled.clock.set(MOMENTS[0])
    return filled


async def _live(service: TaskService, task: str, act: str, by: str) -> None:
    decides = act in {"extension/decision", "report/decision", "recall", "reassignment"}
    match act:
        case "late":
            service.clock.set("2026-10-07T09:00:00")
        case "work":
            await service.act(task, "progress", "lead-head", {"percent": 10})
        case "finish":
            await service.act(task, "progress", body={"percent": 100})
        case "return":
            await service.act(task, "report/decision", by, RETURNED)
        case _:
            await service.act(task, act, by if decides else None)


async def listed(service: TaskService, by: str, **query: Any) -> list[dict[str, Any]]:
    answer = await service.get("/v1/tasks", by, limit=200, **query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return list(answer.json()["items"])


def principal(username: str) -> Principal:
    if username in PROGRAMS:
        return Principal(username, Role.SERVICE, PROGRAMS[username][0])
    role, agency = ACCOUNTS.get(username, ("administrator", None))
    return Principal(username, Role(role), agency)


@pytest.mark.parametrize("by", EVERYBODY)
async def test_both_lists_and_every_item_say_what_the_contract_says(service: TaskService, by: str) -> None:
    caller, seen = principal(by), await listed(service, by)
    tasks = {item["id"]: await service.task(item["id"]) for item in seen}
    for item in seen:
        expected = kinds_for(tasks[item["id"]], caller)
        assert item["waiting_for"] == expected
        assert (item["waiting_since"] is None) is (not expected)
        whole = await service.read(item["id"], by)
        assert {name: whole[name] for name in ("waiting_for", "waiting_since", "working_days_left")} == {
            name: item[name] for name in ("waiting_for", "waiting_since", "working_days_left")
        }
    mine = {item["id"] for item in seen if item["waiting_for"]}
    others = {item["id"] for item in seen if has_duty(tasks[item["id"]], caller)} - mine
    for sort in ("-assigned_at", "due_at"):
        assert {item["id"] for item in await listed(service, by, waiting="me", sort=sort)} == mine
        assert {item["id"] for item in await listed(service, by, waiting="others", sort=sort)} == others


def duty_filters(caller: Principal) -> Sequence[dict[str, str]] | None:
    """Return the filters of the list of the caller's duty; None where the contract has no such filter."""
    match caller.role:
        case "head" | "clerk" | "service":
            return [{"lead_agency": str(caller.agency)}]
        case "leader":
            return [{"assigner": caller.username}]
        case "officer":
            return [{"officer": caller.username}]
        case "coordinator":
            return None
        case _:
            return []


@pytest.mark.parametrize("moment", MOMENTS)
async def test_every_number_is_the_length_of_its_list(service: TaskService, moment: str) -> None:
    service.clock.set(moment)
    for by in EVERYBODY:
        caller = principal(by)
        mine = await listed(service, by, waiting="me")
        expected: dict[str, Any] = {
            "waiting": {kind: sum(kind in item["waiting_for"] for item in mine) for kind in WaitKind},
            "total": len(mine),
            "others": len(await listed(service, by, waiting="others")),
        }
        for value in ("due_soon", "due_today", "overdue"):
            found = await _of_duty(service, by, caller, value)
            expected[value] = len(found)
        answer = await service.get("/v1/me/work", by)
        assert answer.json() == expected, by


async def _of_duty(service: TaskService, by: str, caller: Principal, value: str) -> list[dict[str, Any]]:
    filters = duty_filters(caller)
    if filters is None:
        return [one for one in await listed(service, by, timeliness=value) if one["entered_by"] == caller.username]
    return [item for each in filters for item in await listed(service, by, timeliness=value, **each)]


async def test_the_moments_show_all_values_and_all_kinds(service: TaskService) -> None:
    """The numbers above would prove little if most were zero."""
    seen: dict[str, int] = {}
    for moment in MOMENTS:
        service.clock.set(moment)
        for by in ("leader", "lead-head", "officer", "coordinator", "lead-clerk"):
            work = (await service.get("/v1/me/work", by)).json()
            for name, count in {**work.pop("waiting"), **work}.items():
                seen[name] = seen.get(name, 0) + count
    assert all(seen.values()), seen
    assert set(seen) == {*WaitKind, "total", "others", "due_soon", "due_today", "overdue"}


async def test_who_has_no_tasks_has_zeros_and_who_may_not_read_is_refused(service: TaskService) -> None:
    for by in ("administrator", "auditor", "stranger-officer"):
        work = (await service.get("/v1/me/work", by)).json()
        assert not any([*work.pop("waiting").values(), *work.values()])
    acting = {"username": "acting", "display_name": "Chỉ thực hiện", "role": "service", "agency": "lead"}
    await service.post("/v1/accounts", acting | {"scopes": ["tasks:act"]}, "administrator")
    assert code_of(await service.get("/v1/me/work", "acting")) == (403, "not-permitted")


async def test_an_answer_to_an_act_says_what_waits_for_the_one_who_acted(service: TaskService) -> None:
    given = await service.assign()
    assert (given["waiting_for"], given["waiting_since"], given["batch_size"]) == ([], None, None)
    received = await service.act(given["id"], "receipt", "lead-head")
    assert received["waiting_for"] == ["delegate"]
    assert received["waiting_since"] == received["received_at"]
    assert received["working_days_left"] == 6


async def test_a_task_says_how_many_its_batch_has(service: TaskService) -> None:
    items = [
        {"title": "Chung", "lead_agencies": ["lead", "stranger", "office"]},
        {"title": "Riêng", "lead_agencies": ["lead"]},
    ]
    batch = (await service.post("/v1/task-batches", {"items": items})).json()
    assert [(await service.read(task["id"]))["batch_size"] for task in batch["items"]] == [batch["count"]] * 4


async def test_records_of_an_earlier_version_are_brought_up_to_date(service: TaskService) -> None:
    """What they cannot have is no difference, an answer knows it at once, and an act brings its task up to date."""
    tasks = service.database[TASKS]
    before = {one["_id"]: one async for one in tasks.find({}, {"outbox": 0, "pending_since": 0})}
    acted, read, *_ = (item["id"] for item in await listed(service, "lead-head", stage="received"))
    since = (await service.read(read, "lead-head"))["waiting_since"]
    await tasks.update_many({}, {"$unset": dict.fromkeys(LATER - {"waiting"}, 1)})
    await tasks.update_many({}, {"$pull": {"waiting": {"$regex": "^others"}}})
    async for record in tasks.find({}):
        assert list(compare_task(record)) == []
    assert (await service.read(read, "lead-head"))["waiting_since"] == since
    await service.act(acted, "urging")
    assert "waits" in await service.stored_task(acted)

    await fill_derived(service.database)
    async for record in tasks.find({}, {"outbox": 0, "pending_since": 0}):
        assert list(compare_task(record)) == []
        if record["_id"] != acted:
            assert record == before[record["_id"]]
    assert (await service.read(acted, "lead-head"))["waiting_since"] == (await service.read(acted))["received_at"]


@pytest.mark.parametrize("act", ["receipt", "recall"])
async def test_what_a_replica_of_an_earlier_version_changed_is_put_right_at_the_next_start(
    service: TaskService, act: str
) -> None:
    task = await service.assigned()
    before = await service.stored_task(task)
    await service.act(task, act)
    right = await service.stored_task(task)
    stale = {name: before[name] for name in ("waits", "work", "derived_at")}
    earlier = [key for key in right["waiting"] if not key.startswith("others")]
    await service.database[TASKS].update_one({"_id": task}, {"$set": {**stale, "waiting": earlier}})
    assert list(compare_task(await service.stored_task(task))) == []
    await fill_derived(service.database)
    assert await service.stored_task(task) == right


async def test_a_history_that_cannot_be_replayed_does_not_stop_the_others(service: TaskService) -> None:
    tasks = service.database[TASKS]
    broken, whole = await service.assigned(), await service.assigned()
    await tasks.update_many({"_id": {"$in": [broken, whole]}}, {"$unset": dict.fromkeys(LATER, 1)})
    await tasks.update_one({"_id": broken}, {"$set": {"history.0.details.due_kind": "never"}})
    assert (await service.read(broken, "lead-head"))["stage"] == "assigned"
    await fill_derived(service.database)
    assert (await service.stored_task(whole))["work"]
    assert (await service.stored_task(broken))["derived_at"] == 1
