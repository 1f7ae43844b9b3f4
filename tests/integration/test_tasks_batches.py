"""A batch: one document, many tasks, all of them or none, also over a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import orjson
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.assignment.tasks.rules.assigning import Assign
from services.assignment.tasks.rules.batch import Batch, decide_batch
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.store.batches import BatchStore, left_behind
from services.assignment.tasks.store.records import to_fields
from services.assignment.tasks.store.tasks import TaskStore
from shared.clock import true_now
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar
from tests.support.assignment import DEADLINE, TaskService, code_of, fields_of, moment
from tests.support.clock import MONDAY, local
from tests.support.loop import least_hold
from tests.support.messaging import messaging_of, wait_until

BATCHES: Final = "/v1/task-batches"
ITEM: Final[dict[str, Any]] = {"title": "Rà soát quy hoạch", "lead_agencies": ["lead"], "deadline": DEADLINE}
DOCUMENT: Final = {"number": "15/NQ-CP", "issued_on": "2026-10-01", "summary": "Về nhiệm vụ chủ yếu"}


async def numbers(service: TaskService) -> tuple[int, int]:
    """Return how many tasks and batches there are."""
    tasks, batches = service.database["tasks"], service.database["batches"]
    return await tasks.count_documents({}), await batches.count_documents({})


async def test_a_batch_gives_one_task_to_each_lead_agency_in_order(service: TaskService) -> None:
    items = [
        {
            **ITEM,
            "lead_agencies": ["stranger", "lead"],
            "coordinating_agencies": ["coordinating"],
            "priority": "urgent",
        },
        {
            "title": "Báo cáo quý",
            "lead_agencies": ["monitor"],
            "due_at": "2026-10-09T10:00:00+07:00",
            "field": "Tài chính",
        },
        {"title": "Duy trì", "lead_agencies": ["office"], "deadline_text": "Thường xuyên", "monitor": "monitor"},
    ]
    answer = await service.post(BATCHES, {"document": DOCUMENT, "authority": "chair", "items": items})
    assert answer.status_code == 201
    given = answer.json()
    assert given["count"] == 4
    assert [(item["title"], item["lead_agency"]) for item in given["items"]] == [
        ("Rà soát quy hoạch", "stranger"),
        ("Rà soát quy hoạch", "lead"),
        ("Báo cáo quý", "monitor"),
        ("Duy trì", "office"),
    ]
    tasks = [await service.read(item["id"]) for item in given["items"]]
    assert {task["document"]["number"] for task in tasks} == {DOCUMENT["number"]}
    assert {task["authority"] for task in tasks} == {"chair"}
    assert {task["batch"] for task in tasks} == {answer.headers["location"].removeprefix(f"{BATCHES}/")}
    assert [task["due_kind"] for task in tasks] == ["date", "date", "moment", "none"]
    assert [task["priority"] for task in tasks] == ["urgent", "urgent", "normal", "normal"]
    assert moment(tasks[0]["due_at"]) == local("2026-10-16T23:59:59.999")
    assert (tasks[3]["deadline_text"], tasks[3]["monitor"]) == ("Thường xuyên", "monitor")
    assert (await service.get(answer.headers["location"])).json() == given


async def test_a_task_of_a_batch_lives_like_any_other(service: TaskService) -> None:
    answer = await service.post(BATCHES, {"assigner": "other-leader", "items": [ITEM]}, "coordinator")
    task = answer.json()["items"][0]["id"]
    (entry,) = await service.history(task)
    assert (entry["act"], entry["by"], entry["acting_for"]) == ("assigned", "coordinator", "other-leader")
    await service.acts(task, "receipt", "delegation", "report")
    done = await service.act(task, "report/decision", "other-leader")
    assert (done["stage"], done["timeliness"]) == ("completed", "completed_on_time")


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"lead_agencies": ["lead", "nobody"]}, ("items.3.lead_agencies", "unknown-agency")),
        ({"lead_agencies": ["lead", "lead"]}, ("items.3.lead_agencies", "duplicate-agency")),
        ({"lead_agencies": []}, ("items.3.lead_agencies", "too-few")),
        ({"lead_agencies": None}, ("items.3.lead_agencies", "not-a-list")),
        ({"lead_agencies": ["lead", {"$gt": ""}]}, ("items.3.lead_agencies.1", "not-a-text")),
        ({"coordinating_agencies": ["nobody"]}, ("items.3.coordinating_agencies", "unknown-agency")),
        (
            {"lead_agencies": ["lead", "office"], "coordinating_agencies": ["office"]},
            ("items.3.coordinating_agencies", "duplicate-agency"),
        ),
        ({"monitor": "nobody"}, ("items.3.monitor", "unknown-agency")),
        ({"monitor": "lead"}, ("items.3.monitor", "duplicate-agency")),
        ({"deadline": "2026-10-01"}, ("items.3.deadline", "in-the-past")),
        ({"deadline": None, "due_at": "2026-10-01T09:00:00Z"}, ("items.3.due_at", "in-the-past")),
        ({"deadline": "2036-10-06"}, ("items.3.deadline", "too-far")),
        ({"deadline": None, "due_at": "2036-10-06T00:00:00+07:00"}, ("items.3.due_at", "too-far")),
        ({"due_at": "2026-10-09T09:00:00Z"}, ("items.3.due_at", "one-of-two")),
        ({"title": ""}, ("items.3.title", "empty")),
        ({"title": 3}, ("items.3.title", "not-a-text")),
        ({"priority": "high"}, ("items.3.priority", "not-one-of")),
        ({"lead_agency": "lead"}, ("items.3.lead_agency", "unknown-field")),
        ({"replaces": "x"}, ("items.3.replaces", "unknown-field")),
    ],
)
async def test_one_wrong_item_and_nothing_of_the_batch_is_given(
    service: TaskService, wrong: dict[str, Any], problem: tuple[str, str]
) -> None:
    before = await numbers(service)
    answer = await service.post(BATCHES, {"items": [ITEM, ITEM, ITEM, {**ITEM, **wrong}, ITEM]})
    assert (code_of(answer), fields_of(answer)) == ((422, "validation"), [problem])
    assert await numbers(service) == before


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"items": []}, ("items", "too-few")),
        ({"assigner": "lead-head"}, ("assigner", "not-allowed")),
        ({"document": {"number": ""}}, ("document.number", "empty")),
        ({"authority": "x"}, ("authority", "not-one-of")),
        ({"lead_agency": "lead"}, ("lead_agency", "unknown-field")),
    ],
)
async def test_a_wrong_head_gives_nothing_either(
    service: TaskService, wrong: dict[str, Any], problem: tuple[str, str]
) -> None:
    before = await numbers(service)
    answer = await service.post(BATCHES, {"items": [ITEM], **wrong})
    assert (code_of(answer), fields_of(answer)) == ((422, "validation"), [problem])
    assert await numbers(service) == before


async def test_a_batch_of_five_thousand_tasks_is_given_whole_and_a_larger_one_not_at_all(service: TaskService) -> None:
    before = await numbers(service)
    many = [{"title": f"Việc {at}", "lead_agencies": ["lead", "stranger"]} for at in range(2_501)]
    too_large = await service.post(BATCHES, {"items": many})
    assert (code_of(too_large), fields_of(too_large)) == ((422, "validation"), [("items", "too-many-tasks")])
    assert await numbers(service) == before
    given = (await service.post(BATCHES, {"items": many[:-1]})).json()
    assert given["count"] == len({item["id"] for item in given["items"]}) == 5_000
    assert await numbers(service) == (before[0] + 5_000, before[1] + 1)
    assert (given["items"][-1]["title"], given["items"][-1]["lead_agency"]) == ("Việc 2499", "stranger")
    assert (await service.read(given["items"][-1]["id"]))["stage"] == "assigned"


async def test_a_batch_that_would_multiply_its_texts_is_refused_and_nothing_is_written(service: TaskService) -> None:
    """3 MB: fifty items for a hundred agencies each. They would have left 1.37 GB behind."""
    leads = [f"co-quan-{at}" for at in range(100)]
    for code in leads:
        agency = {"code": code, "name": code, "kind": "commune"}
        assert (await service.post("/v1/agencies", agency, "administrator")).status_code == 201
    text = "ế" * 10_000
    item = {"title": "Rà soát quy hoạch", "lead_agencies": leads, "description": text, "product": text}
    before = await numbers(service)
    for language, named in (("vi", ("50 MB", "Đề nghị")), ("en", ("50 MB", "Shorten"))):
        answer = await service.post(BATCHES, {"items": [item] * 50}, accept_language=language)
        assert (code_of(answer), fields_of(answer)) == ((422, "too-large"), [("items", "too-large")])
        assert all(words in answer.json()["detail"] for words in named)
        assert "50 MB" in answer.json()["errors"][0]["message"]
    assert await numbers(service) == before
    documented = (await service.get("/openapi.json")).json()["paths"][BATCHES]["post"]["responses"]["422"]
    assert "`too-large`" in documented["description"]


async def test_a_large_batch_is_given_and_read_and_repeated_while_others_are_served(service: TaskService) -> None:
    items = [{"title": f"Việc {at}", "lead_agencies": ["lead"]} for at in range(5_000)]
    # Encoded once: what the client does on the same loop is no matter of the service.
    body = orjson.dumps({"items": items})
    headers = {**service.as_("leader"), "content-type": "application/json", "idempotency-key": "a-large-batch"}
    given = await service.http.post(BATCHES, content=body, headers=headers)

    async def read() -> None:
        assert (await service.get(given.headers["location"])).status_code == 200

    async def repeat() -> None:
        again = await service.http.post(BATCHES, content=body, headers=headers)
        assert (again.status_code, again.content) == (200, given.content)

    async def is_published() -> bool:
        return await service.database["tasks"].find_one({"pending_since": {"$exists": True}}) is None

    await wait_until(is_published, "the events are published", within=60)
    assert await least_hold(read) < 0.05
    assert await least_hold(repeat) < 0.05


async def test_a_batch_is_read_by_those_who_give_tasks(service: TaskService) -> None:
    answer = await service.post(BATCHES, {"items": [ITEM]})
    place = answer.headers["location"]
    for by, status in {"coordinator": 200, "other-leader": 200, "lead-head": 404, "auditor": 404}.items():
        assert (await service.get(place, by)).status_code == status, by
    assert code_of(await service.get(f"{BATCHES}/nothing")) == (404, "not-found")


# A crash between the batch's one write and its tasks


@pytest.fixture
async def store(service: TaskService) -> BatchStore:
    """The stores of a process of its own, beside the running service."""
    messaging = messaging_of(
        "assignment", service.vhost.amqp_url, outboxes=[service.database["tasks"]], retry_delays=(1.0,)
    )
    return BatchStore(service.database, TaskStore(service.database, messaging.relay), service.clock)


def decided(items: int) -> Batch:
    """Return a batch that a leader has decided on."""
    context = Context(
        now=local(MONDAY),
        calendar=WorkCalendar(Policy()),
        policy=Policy(),
        caller=Principal("leader", Role.LEADER),
        agencies={"lead", "stranger"},
    )
    act = Assign(title="Việc để dở", lead_agency="lead")
    return decide_batch(
        str(uuid4()), [(replace(act, path=f"items.{at}."), ["lead", "stranger"]) for at in range(items)], context
    )


async def age(service: TaskService, batch: Batch, **by: float) -> None:
    """Let the batch have been open for so long."""
    since = true_now() - timedelta(**by)
    await service.database["batches"].update_one({"_id": batch.id}, {"$set": {"open_since": since}})


async def test_what_a_crash_left_open_is_finished_once_it_is_old_enough(
    service: TaskService, store: BatchStore
) -> None:
    batch = decided(2)
    assert await store.insert_if_absent(batch, None)
    assert not await store.insert_if_absent(batch, None)
    assert not await store.finish_left_behind()
    assert await of_batch(service, batch) == []
    await age(service, batch, seconds=11)
    await store.finish_left_behind()
    await wait_until(lambda: _is_closed(service, batch), "the service's sweep or this one has finished the batch")
    assert await of_batch(service, batch) == [task.id for task, _ in batch.tasks()]
    whole = await service.read(await _first_of(service, batch))
    expected = to_fields(next(iter(batch.tasks()))[0])
    assert (whole["title"], whole["lead_agency"], whole["version"]) == (expected["title"], "lead", 1)


async def test_a_program_that_polls_sees_what_was_finished_after_a_crash(
    service: TaskService, store: BatchStore
) -> None:
    """It asks for what has changed since its last poll, a minute back. The batch was committed long before that."""
    batch = decided(2)
    await store.insert_if_absent(batch, None)
    first, *others = [task.id for task, _ in batch.tasks()]
    await store.finish(batch)
    await service.database["tasks"].delete_many({"_id": {"$in": others}})
    service.clock.set("2026-10-05T09:03:00")
    last_poll = service.clock.now() - timedelta(minutes=1)
    await age(service, batch, seconds=200)
    await store.finish_left_behind()
    await wait_until(lambda: _is_closed(service, batch), "the service's sweep or this one has finished the batch")
    polled = (await service.get("/v1/tasks", updated_since=last_poll.isoformat(), limit=200)).json()["items"]
    assert {task["id"] for task in polled} == {*others}
    late, early = await service.read(others[0]), await service.read(first)
    assert moment(late["updated_at"]) == service.clock.now()
    assert (late["assigned_at"], late["receipt_due_at"]) == (early["assigned_at"], early["receipt_due_at"])
    assert (await service.history(others[0]))[0]["at"] == late["updated_at"]
    service.clock.set(MONDAY)


async def test_a_crash_among_the_tasks_is_mended_without_a_second_task(service: TaskService, store: BatchStore) -> None:
    batch = decided(3)
    await store.insert_if_absent(batch, None)
    await store.finish(batch)
    (first, *_), kept = [task.id for task, _ in batch.tasks()], service.database["tasks"]
    await service.act(first, "receipt")
    await kept.delete_many({"batch": batch.id, "_id": {"$ne": first}})
    await age(service, batch, seconds=11)
    await store.finish_left_behind()
    await wait_until(lambda: _is_closed(service, batch), "the service's sweep or this one has finished the batch")
    assert await of_batch(service, batch) == [task.id for task, _ in batch.tasks()]
    assert (await service.read(first))["stage"] == "received"


async def test_one_that_cannot_be_finished_does_not_stop_the_younger_ones(
    service: TaskService, store: BatchStore
) -> None:
    poisoned, younger = decided(1), decided(2)
    for batch, seconds in ((poisoned, 60), (younger, 30)):
        await store.insert_if_absent(batch, None)
        await age(service, batch, seconds=seconds)
    await service.database["batches"].update_one({"_id": poisoned.id}, {"$unset": {"first.act": ""}})
    before = times_put_back()
    with capture_logs() as logs:
        while await store.finish_left_behind():
            pass
    await wait_until(lambda: _is_closed(service, younger), "the younger batch is finished")
    assert await of_batch(service, younger) == [task.id for task, _ in younger.tasks()]
    assert times_put_back() > before
    assert {line["batch_id"] for line in logs if line["event"] == "batch_put_back"} <= {poisoned.id}
    record = await service.database["batches"].find_one({"_id": poisoned.id})
    assert record is not None
    assert record["retry_at"] > true_now() + timedelta(minutes=55)


async def test_one_that_was_put_back_is_finished_after_an_hour(service: TaskService, store: BatchStore) -> None:
    batch, batches = decided(2), service.database["batches"]
    await store.insert_if_absent(batch, None)
    await age(service, batch, seconds=30)
    await batches.update_one({"_id": batch.id}, {"$set": {"retry_at": true_now() + timedelta(minutes=1)}})
    assert not await store.finish_left_behind()
    await batches.update_one({"_id": batch.id}, {"$set": {"retry_at": true_now() - timedelta(seconds=1)}})
    await store.finish_left_behind()
    await wait_until(lambda: _is_closed(service, batch), "the service's sweep or this one has finished the batch")
    assert await batches.count_documents({"_id": batch.id, "retry_at": {"$exists": True}}) == 0


def times_put_back() -> float:
    return REGISTRY.get_sample_value("dondoc_assignment_batches_put_back_total") or 0.0


async def test_the_sweep_of_batches_uses_an_index(service: TaskService) -> None:
    found = await service.database["batches"].find(left_behind()).sort("open_since", 1).explain()
    assert "COLLSCAN" not in str(found["queryPlanner"]["winningPlan"])


async def of_batch(service: TaskService, batch: Batch) -> list[str]:
    """Return the ids of the batch's tasks that are there, in its order."""
    found = {task["_id"] async for task in service.database["tasks"].find({"batch": batch.id}, {"_id": 1})}
    return [task.id for task, _ in batch.tasks() if task.id in found]


async def _first_of(service: TaskService, batch: Batch) -> str:
    return (await of_batch(service, batch))[0]


async def _is_closed(service: TaskService, batch: Batch) -> bool:
    return await service.database["batches"].find_one({"_id": batch.id, "open_since": {"$exists": True}}) is None
