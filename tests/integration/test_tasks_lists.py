"""Lists of tasks: what they show to whom, in which order and narrowed by what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, get_args

import pytest

from deploy.local.servers import Servers
from services.assignment.tasks.store import Sort, fill_derived
from services.assignment.tasks.views import TaskBriefView
from shared.clock import true_now
from shared.mongo import Record
from shared.office.vocabulary import Timeliness
from shared.web.pages import Page
from tests.support.assignment import TaskService, code_of, fields_of, running_tasks
from tests.support.clock import MONDAY

LATE: Final = "2026-10-19T09:00:00"
RETURNED: Final = {"accepted": False, "reason": "Thiếu số liệu"}


@dataclass(frozen=True)
class FilledService:
    """The service with tasks in every stage; `tasks` names them by what happened to them."""

    service: TaskService
    tasks: Mapping[str, str]

    async def listed(self, by: str = "leader", **query: Any) -> list[str]:
        """Return the names of the tasks that a list shows, all pages, in its order."""
        names = {task: name for name, task in self.tasks.items()}
        return [names[task] for task in await ids(self.service, by, **query) if task in names]


async def ids(service: TaskService, by: str = "leader", limit: int = 200, **query: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await service.get("/v1/tasks", by, limit=limit, **cursor, **query)
        assert answer.status_code == 200, answer.text
        found += [item["id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


@pytest.fixture(scope="module")
async def filled(servers: Servers) -> AsyncIterator[FilledService]:
    async with running_tasks(servers) as service:
        yield FilledService(service, await _fill(service))


@pytest.fixture
def service(filled: FilledService) -> TaskService:
    filled.service.clock.set(MONDAY)
    return filled.service


LIVES: Final[Mapping[str, tuple[dict[str, Any], tuple[str, ...]]]] = MappingProxyType(
    {
        "assigned": ({}, ()),
        "assigned without a deadline": ({"deadline": None, "field": "Đất đai"}, ()),
        "assigned to another": ({"lead_agency": "stranger", "field": "Đất đai", "title": "Rà soát đất đai"}, ()),
        "express": ({"deadline": None, "due_at": "2026-10-05T15:00:00+07:00", "priority": "express"}, ()),
        "received": (
            {"deadline": "2026-10-23", "document": {"number": "1/QĐ", "summary": "Thay 99/QĐ"}, "authority": "chair"},
            ("receipt",),
        ),
        "in progress": ({"deadline": "2026-10-08"}, ("receipt", "delegation")),
        "finished": ({"deadline": "2026-10-30"}, ("receipt", "delegation", "finish")),
        "asking": ({"document": {"number": "1/QĐ"}}, ("receipt", "extension")),
        "extended": ({}, ("receipt", "extension", "extension/decision")),
        "reported": ({"deadline": "2026-10-14"}, ("receipt", "delegation", "report")),
        "reported without a deadline": ({"deadline": None}, ("receipt", "report")),
        "returned": ({}, ("receipt", "report", "return")),
        "completed": ({}, ("receipt", "report", "report/decision")),
        "completed without a deadline": ({"deadline": None}, ("receipt", "report", "report/decision")),
        "refused": ({}, ("refusal",)),
        "refused without a deadline": ({"deadline": None}, ("refusal",)),
        "recalled": ({}, ("receipt", "recall")),
        "reported late": ({"deadline": "2026-10-07"}, ("receipt", "late", "report")),
        "explained": ({"deadline": "2026-10-07"}, ("receipt", "late", "explanation")),
        "completed late": ({"deadline": "2026-10-07"}, ("receipt", "late", "report", "explanation", "report/decision")),
    }
)


async def _fill(service: TaskService) -> dict[str, str]:
    tasks = {}
    for minute, (name, (changes, acts)) in enumerate(LIVES.items()):
        service.clock.set(f"2026-10-05T09:{minute:02}:00")
        by, assigner = ("coordinator", {"assigner": "other-leader"}) if name == "returned" else ("leader", {})
        task = str((await service.assign(by, **changes, **assigner))["id"])
        for act in acts:
            await _live(service, task, act, by)
        tasks[name] = task
    return tasks


async def _live(service: TaskService, task: str, act: str, by: str) -> None:
    if act == "late":
        service.clock.set("2026-10-08T09:00:00")
    elif act == "finish":
        await service.act(task, "progress", body={"percent": 100})
    elif act == "return":
        await service.act(task, "report/decision", by, RETURNED)
    else:
        await service.act(task, act)


# Timeliness: the list's condition and the derived value are one and the same

# By hand: what each task's timeliness is at five moments.
MOMENTS: Final = (
    "2026-10-05T14:59:59",
    "2026-10-08T12:00:00",
    "2026-10-13T12:00:00",
    "2026-10-16T23:59:59.999",
    "2026-10-17T00:00:00",
)
TIMELINESS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "assigned": ("on_track", "on_track", "due_soon", "due_today", "overdue"),
        "assigned without a deadline": ("no_deadline",) * 5,
        "assigned to another": ("on_track", "on_track", "due_soon", "due_today", "overdue"),
        "express": ("due_today", "overdue", "overdue", "overdue", "overdue"),
        "received": ("on_track", "on_track", "on_track", "on_track", "on_track"),
        "in progress": ("due_soon", "due_today", "overdue", "overdue", "overdue"),
        "finished": ("on_track",) * 5,
        "asking": ("on_track", "on_track", "due_soon", "due_today", "overdue"),
        "extended": ("on_track",) * 5,
        "reported": ("on_track",) * 5,
        "reported without a deadline": ("no_deadline",) * 5,
        "returned": ("on_track", "on_track", "due_soon", "due_today", "overdue"),
        "completed": ("completed_on_time",) * 5,
        "completed without a deadline": ("completed_on_time",) * 5,
        "refused": ("on_track", "on_track", "due_soon", "due_today", "overdue"),
        "refused without a deadline": ("no_deadline",) * 5,
        "recalled": ("recalled",) * 5,
        "reported late": ("overdue",) * 5,
        "explained": ("due_soon", "overdue", "overdue", "overdue", "overdue"),
        "completed late": ("completed_late",) * 5,
    }
)


@pytest.mark.parametrize("at", range(len(MOMENTS)), ids=MOMENTS)
async def test_the_filter_by_timeliness_finds_what_is_so_at_the_moment(
    filled: FilledService, service: TaskService, at: int
) -> None:
    service.clock.set(MOMENTS[at])
    by_hand = {name: values[at] for name, values in TIMELINESS.items()}
    assert {name: (await service.read(task))["timeliness"] for name, task in filled.tasks.items()} == by_hand
    for value in Timeliness:
        expected = {name for name, timeliness in by_hand.items() if timeliness == value}
        assert set(await filled.listed(timeliness=value)) == expected, value
    listed = (await service.get("/v1/tasks", limit=200)).json()["items"]
    shown = {item["id"]: item["timeliness"] for item in listed}
    assert {name: shown[task] for name, task in filled.tasks.items()} == by_hand


# Filters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"stage": "refused"}, {"refused", "refused without a deadline"}),
        ({"stage": "recalled"}, {"recalled"}),
        ({"stage": "in_progress"}, {"in progress", "finished", "returned"}),
        ({"lead_agency": "stranger"}, {"assigned to another"}),
        ({"lead_agency": "coordinating"}, set()),
        ({"coordinating_agency": "lead"}, set()),
        ({"coordinating_agency": "coordinating"}, set(LIVES)),
        ({"assigner": "other-leader"}, {"returned"}),
        ({"officer": "officer"}, {"in progress", "finished", "reported"}),
        ({"officer": "idle-officer"}, set()),
        ({"document": "1/QĐ"}, {"received", "asking"}),
        ({"document": '{"$gt": ""}'}, set()),
        ({"field": "Đất đai"}, {"assigned without a deadline", "assigned to another"}),
        ({"due_to": "2026-10-05"}, {"express"}),
        ({"due_from": "2026-10-23"}, {"received", "finished", "extended"}),
        ({"due_from": "2026-10-24", "due_to": "2026-10-29"}, set()),
        ({"due_from": "2026-10-08", "due_to": "2026-10-14"}, {"in progress", "reported"}),
        ({"field": "Đất đai", "lead_agency": "lead"}, {"assigned without a deadline"}),
        ({"stage": "received", "document": "1/QĐ", "due_to": "2026-10-16"}, {"asking"}),
        ({"timeliness": "no_deadline", "stage": "reported"}, {"reported without a deadline"}),
        ({"timeliness": "overdue", "stage": "completed"}, set()),
        ({"coordinating_agency": "coordinating", "lead_agency": "stranger"}, {"assigned to another"}),
        ({"kind": "department"}, set(LIVES)),
        ({"kind": "commune"}, set()),
        ({"priority": "express"}, {"express"}),
        ({"authority": "chair"}, {"received"}),
        ({"extension": "pending"}, {"asking"}),
        ({"extension": "used"}, {"extended"}),
        ({"extension": "none"}, set(LIVES) - {"asking", "extended"}),
        ({"missed": "true"}, {"reported late", "explained", "completed late"}),
        ({"explanation": "required"}, {"reported late"}),
        ({"explanation": "submitted"}, {"explained", "completed late"}),
        ({"explanation": "accepted"}, set()),
        ({"explanation": "none", "missed": "true"}, set()),
        ({"finished_unreported": "true"}, set()),
        ({"no_officer": "true"}, {"received", "asking", "extended", "returned", "explained"}),
        ({"no_officer": "true", "stage": "received"}, {"received", "asking", "extended", "explained"}),
        ({"no_officer": "true", "officer": "officer"}, set()),
        ({"batch": "nothing"}, set()),
        ({"assigned_from": "2026-10-05", "assigned_to": "2026-10-05"}, set(LIVES)),
        ({"assigned_from": "2026-10-06"}, set()),
        ({"assigned_to": "2026-10-04"}, set()),
        ({"completed_to": "2026-10-07"}, {"completed", "completed without a deadline"}),
        ({"completed_from": "2026-10-08", "completed_to": "2026-10-08"}, {"completed late"}),
        ({"completed_from": "2026-10-05", "stage": "reported"}, set()),
        ({"q": "dat DAI"}, {"assigned to another"}),
        ({"q": "dat dai", "lead_agency": "lead"}, set()),
        ({"q": "99/qd", "stage": "received", "missed": "true"}, set()),
        ({"q": "99/qd", "stage": "received", "authority": "chair"}, {"received"}),
    ],
)
async def test_a_filter_narrows_the_list(
    filled: FilledService, service: TaskService, query: dict[str, str], expected: set[str]
) -> None:
    for sort in get_args(Sort):
        assert set(await filled.listed(**query, sort=sort)) == expected


async def test_what_changed_since_a_moment_is_found_by_programs_that_poll(
    filled: FilledService, service: TaskService
) -> None:
    service.clock.set("2026-10-05T13:00:00")
    task = await service.assigned()
    assert task in await ids(service, updated_since="2026-10-05T13:00:00+07:00")
    assert task in await ids(service, updated_since="2026-10-05T06:00:00Z")
    assert task not in await ids(service, updated_since="2026-10-05T13:00:00.001+07:00")
    assert set(await filled.listed(updated_since="2026-10-05T13:00:00+07:00")) == {
        "reported late",
        "explained",
        "completed late",
    }


WAITING_FOR_THE_HEAD: Final = {
    *("assigned", "assigned without a deadline", "express"),
    *("received", "asking", "extended", "explained"),
    *("returned", "finished", "reported late"),
}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        *((by, WAITING_FOR_THE_HEAD) for by in ("lead-head", "lead-program")),
        ("lead-clerk", {"assigned", "assigned without a deadline", "express"}),
        ("stranger-head", {"assigned to another"}),
        ("officer", {"in progress"}),
        ("idle-officer", set()),
        (
            "leader",
            {
                "asking",
                "reported",
                "reported without a deadline",
                "reported late",
                "explained",
                "refused",
                "refused without a deadline",
                "completed late",
            },
        ),
        ("other-leader", set()),
        ("coordinating-head", set()),
        ("monitor-head", set()),
        ("auditor", set()),
        ("administrator", set()),
    ],
)
async def test_a_task_waits_for_those_who_should_act_now(
    filled: FilledService, service: TaskService, by: str, expected: set[str]
) -> None:
    assert set(await filled.listed(by, waiting="me")) == expected


async def test_what_waits_for_a_leader_waits_for_the_coordinators_too(
    filled: FilledService, service: TaskService
) -> None:
    waiting = {*await filled.listed("leader", waiting="me"), *await filled.listed("other-leader", waiting="me")}
    assert set(await filled.listed("coordinator", waiting="me")) == waiting


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        *((by, set(LIVES)) for by in ("leader", "other-leader", "coordinator", "auditor")),
        *((by, set(LIVES) - {"assigned to another"}) for by in ("lead-head", "lead-clerk", "lead-program")),
        *((by, set(LIVES)) for by in ("coordinating-head", "coordinating-clerk", "monitor-head", "monitor-clerk")),
        ("stranger-head", {"assigned to another"}),
        ("officer", {"in progress", "finished", "reported"}),
        ("idle-officer", set()),
        ("administrator", set()),
    ],
)
async def test_everybody_is_shown_what_they_may_see(
    filled: FilledService, service: TaskService, by: str, expected: set[str]
) -> None:
    assert set(await filled.listed(by)) == expected
    assert set(await filled.listed(by, coordinating_agency="coordinating")) == expected


async def test_a_program_without_the_scope_reads_no_list(service: TaskService) -> None:
    acting = {"username": "acting", "display_name": "Chỉ thực hiện", "role": "service", "agency": "lead"}
    await service.post("/v1/accounts", acting | {"scopes": ["tasks:act"]}, "administrator")
    task = await service.assigned()
    for path in ("/v1/tasks", f"/v1/tasks/{task}", f"/v1/tasks/{task}/history"):
        assert code_of(await service.get(path, "acting")) == (403, "not-permitted")
    assert (await service.act(task, "receipt", "acting"))["stage"] == "received"


async def test_a_list_shows_tasks_without_their_texts(filled: FilledService, service: TaskService) -> None:
    items = (await service.get("/v1/tasks", limit=200)).json()["items"]
    (item,) = [item for item in items if item["id"] == filled.tasks["explained"]]
    for text in ("description", "product", "deadline_text", "allowed_acts"):
        assert text not in item
    assert set(item["explanation"]) == {"state", "required_at", "due_at", "submitted_at", "decided_at"}
    assert set(item["extension"]) == {"state"}


@pytest.mark.parametrize("sort", get_args(Sort))
async def test_a_page_is_to_the_byte_what_the_documented_model_writes(
    filled: FilledService, service: TaskService, sort: str
) -> None:
    page = (await service.get("/v1/tasks", limit=len(LIVES), sort=sort)).text
    assert page == Page[TaskBriefView].model_validate_json(page).model_dump_json()


# Order and pages


async def test_the_newest_come_first_unless_said(filled: FilledService, service: TaskService) -> None:
    assert await filled.listed() == list(LIVES)[::-1]
    assert await filled.listed(sort="-assigned_at") == list(LIVES)[::-1]


async def test_an_order_backwards_is_the_same_order_from_its_end(filled: FilledService, service: TaskService) -> None:
    assert await filled.listed(sort="assigned_at") == list(LIVES)
    assert await filled.listed(sort="-due_at") == (await filled.listed(sort="due_at"))[::-1]
    assert await filled.listed(sort="-due_at", limit=3) == await filled.listed(sort="-due_at")


async def test_what_changed_last_and_what_was_completed_last_comes_first(
    filled: FilledService, service: TaskService
) -> None:
    for sort, member in (("-updated_at", "updated_at"), ("-completed_at", "completed_at")):
        items = (await service.get("/v1/tasks", sort=sort, limit=200)).json()["items"]
        moments = [item[member] or "" for item in items]
        assert moments == sorted(moments, reverse=True)
    assert (await filled.listed(sort="-completed_at"))[0] == "completed late"
    assert await filled.listed(sort="-completed_at", limit=2) == await filled.listed(sort="-completed_at")


async def test_what_is_finished_is_unreported_when_its_term_has_passed(
    filled: FilledService, service: TaskService
) -> None:
    service.clock.set(LATE)
    assert await filled.listed(finished_unreported="true") == ["finished"]
    assert await filled.listed("lead-head", finished_unreported="true", sort="-updated_at") == ["finished"]


async def test_a_page_has_the_count_of_all_pages_if_it_is_asked_for(
    filled: FilledService, service: TaskService
) -> None:
    whole = await ids(service)
    first = (await service.get("/v1/tasks", limit=2, count="true")).json()
    next_page = {"cursor": first["next_cursor"], "count": "true", "limit": 2}
    for page in (first, (await service.get("/v1/tasks", **next_page)).json()):
        assert (page["total"], page["total_is_exact"]) == (len(whole), True)
    assert (await service.get("/v1/tasks", stage="refused", count="true")).json()["total"] == 2
    assert (await service.get("/v1/tasks", "administrator", count="true")).json()["total"] == 0
    assert "total" not in (await service.get("/v1/tasks")).json()


async def test_by_due_moment_the_tasks_without_one_come_last(filled: FilledService, service: TaskService) -> None:
    items = (await service.get("/v1/tasks", sort="due_at", limit=200)).json()["items"]
    moments = [item["due_at"] for item in items]
    known = [due for due in moments if due is not None]
    assert known == sorted(known)
    assert moments == known + [None] * (len(moments) - len(known))
    assert len(known) < len(moments)


@pytest.mark.parametrize("sort", get_args(Sort))
@pytest.mark.parametrize("limit", [1, 3, 7])
async def test_every_task_comes_once_though_others_are_given_meanwhile(
    filled: FilledService, service: TaskService, sort: str, limit: int
) -> None:
    whole = await ids(service, sort=sort)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await service.get("/v1/tasks", sort=sort, limit=limit, **cursor)).json()
        assert len(page["items"]) <= limit
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        if len(found) % 5 == 0:
            await service.assigned(deadline=None if len(found) % 2 else "2026-10-12")
    assert len(found) == len(set(found))
    assert [task for task in found if task in whole] == whole


async def test_equal_moments_are_told_apart_by_the_id(service: TaskService) -> None:
    given = [await service.assigned(field="Cùng lúc") for _ in range(7)]
    assert await ids(service, field="Cùng lúc", limit=2) == sorted(given, reverse=True)
    assert await ids(service, field="Cùng lúc", limit=2, sort="due_at") == sorted(given)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"limit": 0}, ("limit", "too-small")),
        ({"limit": 201}, ("limit", "too-large")),
        ({"limit": "x"}, ("limit", "not-a-number")),
        ({"stage": "done"}, ("stage", "not-one-of")),
        ({"timeliness": "late"}, ("timeliness", "not-one-of")),
        ({"sort": "title"}, ("sort", "not-one-of")),
        ({"sort": "completed_at"}, ("sort", "not-one-of")),
        ({"q": ""}, ("q", "empty")),
        ({"q": "… - /"}, ("q", "empty")),
        ({"q": "a" * 101}, ("q", "too-long")),
        ({"missed": "false"}, ("missed", "not-one-of")),
        ({"no_officer": "1"}, ("no_officer", "not-one-of")),
        ({"count": "yes"}, ("count", "not-one-of")),
        ({"kind": "ministry"}, ("kind", "not-one-of")),
        ({"explanation": "late"}, ("explanation", "not-one-of")),
        ({"completed_to": "today"}, ("completed_to", "bad-date")),
        ({"waiting": "you"}, ("waiting", "not-one-of")),
        ({"due_from": "01/10/2026"}, ("due_from", "bad-date")),
        ({"due_to": "2026-02-30"}, ("due_to", "bad-date")),
        ({"updated_since": "2026-10-05"}, ("updated_since", "bad-moment")),
        ({"lead_agency": '{"$gt": ""}'}, ("lead_agency", "bad-format")),
        ({"officer": "$ne"}, ("officer", "bad-format")),
        ({"cursor": "x"}, ("cursor", "bad-cursor")),
        ({"cursor": "W10"}, ("cursor", "bad-cursor")),
        ({"cursor": "ngày"}, ("cursor", "bad-cursor")),
        ({"lead_agancy": "STC"}, ("lead_agancy", "unknown-field")),
    ],
)
async def test_a_parameter_that_is_none_is_refused(
    service: TaskService, query: dict[str, Any], problem: tuple[str, str]
) -> None:
    answer = await service.get("/v1/tasks", **query)
    assert (code_of(answer), fields_of(answer)) == ((422, "validation"), [problem])


async def test_a_cursor_holds_under_its_own_filters_only(filled: FilledService, service: TaskService) -> None:
    cursor = (await service.get("/v1/tasks", limit=2)).json()["next_cursor"]
    assert (await service.get("/v1/tasks", limit=5, cursor=cursor)).status_code == 200
    for other in ({"sort": "due_at"}, {"stage": "assigned"}, {"timeliness": "overdue"}):
        answer = await service.get("/v1/tasks", cursor=cursor, **other)
        assert fields_of(answer) == [("cursor", "bad-cursor")]


async def test_a_history_comes_in_pages(filled: FilledService, service: TaskService) -> None:
    task = filled.tasks["completed late"]
    whole = await service.history(task)
    first = (await service.get(f"/v1/tasks/{task}/history", limit=4)).json()
    rest = (await service.get(f"/v1/tasks/{task}/history", limit=4, cursor=first["next_cursor"])).json()
    assert [*first["items"], *rest["items"]] == whole
    assert rest["next_cursor"] is None
    other = f"/v1/tasks/{filled.tasks['completed']}/history"
    assert fields_of(await service.get(other, cursor=first["next_cursor"])) == [("cursor", "bad-cursor")]


# Indexes: `test_tasks_lists_bounded.py` has the lists


async def test_no_other_query_of_tasks_scans_the_collection(filled: FilledService, service: TaskService) -> None:
    tasks, task = service.database["tasks"], filled.tasks["completed late"]
    queries: list[Record] = [
        {"pending_since": {"$lte": true_now()}},
        {"pending_since": {"$exists": True}},
        {"replaces": task},
        {"replaces": {"$in": [task, "other"]}},
        {"_id": task, "version": 3},
    ]
    for query in queries:
        found = await tasks.find(query).explain()
        assert "COLLSCAN" not in str(found["queryPlanner"]["winningPlan"]), query
    history = await service.database.command(
        {
            "explain": {"aggregate": "tasks", "pipeline": [{"$match": {"_id": task}}], "cursor": {}},
            "verbosity": "queryPlanner",
        }
    )
    assert "COLLSCAN" not in str(history)


WRITTEN_ALIKE: Final = ("123/QĐ-UBND", "123/Q\u00d0-UBND", "123/QĐ\u2011UBND", "123/QĐ\u2013UBND", "123/qđ-\u200bubnd")
FIELDS_ALIKE: Final = ("Y tế", "Y\u00a0tế", "Y  tế", "Y\u3000tế", "y tế")


async def test_numbers_and_fields_that_differ_only_in_how_they_are_written_are_one_filter(
    service: TaskService,
) -> None:
    written = list(zip(WRITTEN_ALIKE, FIELDS_ALIKE, strict=True))
    given = {await service.assigned(document={"number": number}, field=field) for number, field in written}
    await service.assigned(document={"number": "124/QĐ-UBND"}, field="Y te")
    for number, field in written:
        assert set(await ids(service, document=number)) == given
        assert set(await ids(service, field=field)) == given
        assert set(await ids(service, document=number, field=field, stage="assigned")) == given


async def test_a_task_that_an_earlier_version_stored_is_found_too(service: TaskService) -> None:
    old, tasks = await service.assigned(), service.database["tasks"]
    as_sent = {"document": {"number": "77/Q\u00d0\u2013ubnd", "issued_on": None, "summary": None}, "field": "Giáo  dục"}
    await tasks.update_one({"_id": old}, {"$set": as_sent, "$unset": {"same": 1, "derived": 1}})
    assert await ids(service, document="77/QĐ-UBND") == []
    await fill_derived(service.database)
    assert await ids(service, document="77/QĐ-UBND") == await ids(service, field="giáo dục") == [old]
    task = await service.read(old)
    assert (task["document"]["number"], task["field"], task["version"]) == ("77/Q\u00d0\u2013ubnd", "Giáo  dục", 1)
    assert await service.database["tasks"].find_one({"derived": {"$exists": False}}) is None
