"""What a retry, a condition and a crowd of simultaneous requests do to a task: each thing once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any, Final

import httpx2
import pytest

from tests.support.assignment import BODIES, TaskService, code_of, fields_of, task_body

RECALL: Final = BODIES["recall"]


async def give(service: TaskService, key: str, by: str = "leader", **changes: Any) -> httpx2.Response:
    return await service.post("/v1/tasks", task_body(**changes), by, Idempotency_Key=key)


async def all_at_once(*requests: Awaitable[httpx2.Response]) -> Counter[tuple[int, str]]:
    """Return how often each answer came."""
    return Counter(code_of(answer) for answer in await asyncio.gather(*requests))


# The key of a new task


async def test_a_retried_task_is_given_once_and_answered_as_it_is_now(service: TaskService) -> None:
    first = await give(service, "a-task")
    task = first.json()["id"]
    assert first.status_code == 201
    assert first.headers["location"] == f"/v1/tasks/{task}"
    assert first.headers["etag"] == '"1"'
    await service.act(task, "receipt")
    again = await give(service, "a-task")
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["stage"], again.json()["version"]) == (task, "received", 2)
    assert again.headers["etag"] == '"2"'


async def test_a_retry_is_known_by_what_it_asks_and_not_by_how_it_is_written(service: TaskService) -> None:
    first = await give(service, "the-order")
    body = dict(reversed(task_body(description="").items()))
    again = await service.post("/v1/tasks", body, Idempotency_Key="the-order")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


async def test_another_task_under_the_same_key_is_refused(service: TaskService) -> None:
    first = await give(service, "other-body")
    other = await give(service, "other-body", title="Việc khác")
    assert code_of(other) == (422, "idempotency-mismatch")
    assert (await service.read(first.json()["id"]))["version"] == 1


async def test_the_key_of_another_account_counts_apart(service: TaskService) -> None:
    mine, theirs = await give(service, "ours"), await give(service, "ours", "other-leader")
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


@pytest.mark.parametrize("key", ["", " ", "có dấu", "x" * 256, "a b"])
async def test_a_key_is_some_visible_characters(service: TaskService, key: str) -> None:
    headers = [*service.as_("leader").items(), ("Idempotency-Key", key.encode())]
    answer = await service.http.post("/v1/tasks", json=task_body(), headers=headers)  # type: ignore[arg-type]
    assert code_of(answer) == (422, "validation")


async def test_twenty_simultaneous_requests_with_one_key_give_one_task(service: TaskService) -> None:
    before = await service.database["tasks"].count_documents({})
    answers = await asyncio.gather(*(give(service, "crowd") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await service.database["tasks"].count_documents({}) == before + 1


async def test_a_retry_with_a_deadline_that_has_passed_meanwhile_is_still_a_retry(service: TaskService) -> None:
    first = await give(service, "later")
    service.clock.set("2026-11-20T09:00:00")
    again = await give(service, "later")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


# The key of an act


async def test_a_retried_act_is_done_once_and_answered_as_the_task_is_now(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt", Idempotency_Key="once")
    await service.act(task, "progress", "lead-head")
    again = await service.act(task, "receipt", Idempotency_Key="once")
    assert (again["stage"], again["version"]) == ("in_progress", 3)
    assert len(await service.history(task)) == 3


async def test_a_retry_is_known_though_its_version_is_stale_and_its_stage_gone(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt", Idempotency_Key="first", If_Match='"1"')
    await service.act(task, "report")
    again = await service.try_act(task, "receipt", Idempotency_Key="first", If_Match='"1"')
    assert (again.status_code, again.json()["stage"]) == (200, "reported")


async def test_another_body_or_another_act_under_the_same_key_is_refused(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    await service.act(task, "progress", "lead-head", Idempotency_Key="k")
    for act, body in (("progress", {"percent": 41}), ("report", BODIES["report"])):
        answer = await service.try_act(task, act, "lead-head", body, Idempotency_Key="k")
        assert code_of(answer) == (422, "idempotency-mismatch")
    assert (await service.read(task))["version"] == 3


@pytest.mark.parametrize("more", [{"description": None}, {"priority": "normal"}, {"coordinating_agencies": []}])
async def test_what_a_correction_clears_or_sets_back_is_another_body_than_leaving_it_out(
    service: TaskService, more: dict[str, Any]
) -> None:
    task = await service.assigned(priority="urgent", description="Mô tả")
    body = {"reason": "Ghi nhầm", "title": "Tên khác"}
    assert code_of(await service.try_act(task, "correction", body=body, Idempotency_Key="a-correction"))[0] == 200
    answer = await service.try_act(task, "correction", body={**body, **more}, Idempotency_Key="a-correction")
    assert code_of(answer) == (422, "idempotency-mismatch")


async def test_an_acts_key_counts_for_one_task_and_one_account(service: TaskService) -> None:
    one, other = await service.assigned(), await service.assigned()
    assert (await service.act(one, "urging", Idempotency_Key="u"))["urgings"] == 1
    assert (await service.act(other, "urging", Idempotency_Key="u"))["urgings"] == 1
    assert (await service.act(one, "urging", "monitor-head", Idempotency_Key="u"))["urgings"] == 2
    assert (await service.act(one, "urging", Idempotency_Key="u"))["urgings"] == 2


async def test_the_key_is_kept_with_the_act_and_not_with_the_miss_recorded_beside_it(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    service.clock.set("2026-10-19T09:00:00")
    late = await service.act(task, "report", Idempotency_Key="late")
    again = await service.act(task, "report", Idempotency_Key="late")
    assert (again["version"], late["version"]) == (4, 4)
    assert all("key" not in entry and "fingerprint" not in entry for entry in await service.history(task))


async def test_a_refused_act_uses_no_key_up(service: TaskService) -> None:
    task = await service.assigned()
    assert code_of(await service.try_act(task, "report", Idempotency_Key="r")) == (409, "wrong-stage")
    await service.act(task, "receipt")
    assert (await service.act(task, "report", Idempotency_Key="r"))["stage"] == "reported"


async def test_twenty_simultaneous_acts_with_one_key_are_done_once(service: TaskService) -> None:
    task = await service.assigned()
    answers = await all_at_once(*(service.try_act(task, "urging", Idempotency_Key="once") for _ in range(20)))
    assert answers == {(200, ""): 20}
    assert (await service.read(task))["urgings"] == 1


# Versions


async def test_every_answer_with_a_task_names_its_version(service: TaskService) -> None:
    task = await service.assigned()
    answer = await service.try_act(task, "receipt")
    assert answer.headers["etag"] == '"2"'
    assert (await service.get(f"/v1/tasks/{task}")).headers["etag"] == '"2"'


async def test_the_present_version_and_any_version_are_good_conditions(service: TaskService) -> None:
    task = await service.assigned()
    for condition in ('"1"', "*", '"2", "3"'):
        await service.act(task, "urging", If_Match=condition)
    for condition in ('"3"', 'W/"4"', '"04"'):
        assert code_of(await service.try_act(task, "urging", If_Match=condition)) == (412, "version-conflict")


async def test_of_fifty_acts_on_one_version_exactly_one_wins(service: TaskService) -> None:
    task = await service.assigned()
    answers = await all_at_once(*(service.try_act(task, "urging", If_Match='"1"') for _ in range(50)))
    assert answers == {(200, ""): 1, (412, "version-conflict"): 49}
    assert (await service.read(task))["version"] == 2


async def test_fifty_acts_without_a_condition_are_all_done(service: TaskService) -> None:
    task = await service.assigned()
    answers = await all_at_once(*(service.try_act(task, "urging") for _ in range(50)))
    assert answers == {(200, ""): 50}
    assert (await service.read(task))["urgings"] == 50
    assert [entry["sequence"] for entry in await service.history(task)] == list(range(1, 52))


async def test_of_fifty_approvals_of_one_extension_exactly_one_is_done(service: TaskService) -> None:
    task = await service.assigned()
    before = await service.acts(task, "receipt", "extension")
    deciders = ("leader", "coordinator")
    answers = await all_at_once(*(service.try_act(task, "extension/decision", deciders[at % 2]) for at in range(50)))
    assert answers == {(200, ""): 1, (409, "wrong-stage"): 49}
    after = await service.read(task)
    assert (after["version"], after["extension"]["state"]) == (before["version"] + 1, "used")


async def test_of_fifty_requests_for_an_extension_exactly_one_waits(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    answers = await all_at_once(*(service.try_act(task, "extension") for _ in range(50)))
    assert answers == {(200, ""): 1, (409, "extension-pending"): 49}


# Replacing a recalled task


async def recalled(service: TaskService, *acts: str) -> str:
    task = await service.assigned()
    await service.acts(task, *acts, "recall")
    return task


async def test_a_recalled_task_is_replaced_and_says_by_which(service: TaskService) -> None:
    old = await recalled(service)
    new = await service.assign(replaces=old)
    assert (new["replaces"], new["extension"]["state"]) == (old, "none")
    assert (await service.read(old))["replaced_by"] == new["id"]
    listed = (await service.get("/v1/tasks", stage="recalled")).json()["items"]
    assert {item["id"]: item["replaced_by"] for item in listed}[old] == new["id"]


async def test_a_replacement_inherits_the_extension_used(service: TaskService) -> None:
    old = await recalled(service, "receipt", "extension", "extension/decision")
    new = await service.assign(replaces=old)
    assert new["extension"]["state"] == "used"
    assert new["extension"]["requests"] == []
    await service.act(new["id"], "receipt")
    assert code_of(await service.try_act(new["id"], "extension")) == (409, "extension-already-used")
    await service.act(new["id"], "recall")
    assert (await service.assign(replaces=new["id"]))["extension"]["state"] == "used"


async def test_a_task_is_replaced_once(service: TaskService) -> None:
    old = await recalled(service)
    await service.assign(replaces=old)
    again = await service.post("/v1/tasks", task_body(replaces=old))
    assert code_of(again) == (409, "already-exists")


async def test_only_a_recalled_task_is_replaced(service: TaskService) -> None:
    for task in (await service.assigned(), "01a20c8f-32c3-70f2-b72d-000000000000"):
        answer = await service.post("/v1/tasks", task_body(replaces=task))
        assert code_of(answer) == (422, "validation")
        assert fields_of(answer)[0][0] == "replaces"


async def test_of_twenty_simultaneous_replacements_exactly_one_is_given(service: TaskService) -> None:
    old = await recalled(service)
    answers = await all_at_once(*(service.post("/v1/tasks", task_body(replaces=old)) for _ in range(20)))
    assert answers == {(201, ""): 1, (409, "already-exists"): 19}


async def test_twenty_simultaneous_retries_of_one_replacement_are_all_answered_with_it(service: TaskService) -> None:
    old = await recalled(service)
    answers = await asyncio.gather(*(give(service, "replacement", replaces=old) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.json()["id"] for answer in answers}) == 1


# The key of a batch


async def test_a_retried_batch_is_given_once_and_answered_with_its_body(service: TaskService) -> None:
    batch = {"items": [{"title": "Việc", "lead_agencies": ["lead", "stranger"]}]}
    first = await service.post("/v1/task-batches", batch, Idempotency_Key="batch")
    await service.act(first.json()["items"][0]["id"], "receipt")
    before = await service.database["tasks"].count_documents({})
    again = await service.post("/v1/task-batches", batch, Idempotency_Key="batch")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert await service.database["tasks"].count_documents({}) == before
    other = {"items": [{"title": "Việc khác", "lead_agencies": ["lead"]}]}
    answer = await service.post("/v1/task-batches", other, Idempotency_Key="batch")
    assert code_of(answer) == (422, "idempotency-mismatch")
    theirs = await service.post("/v1/task-batches", batch, "other-leader", Idempotency_Key="batch")
    assert theirs.status_code == 201
    assert theirs.json()["items"][0]["id"] != first.json()["items"][0]["id"]


async def test_twenty_simultaneous_requests_with_one_key_give_one_batch(service: TaskService) -> None:
    batch = {"items": [{"title": "Việc", "lead_agencies": ["lead", "stranger"]}]}
    before = await service.database["tasks"].count_documents({})
    answers = await asyncio.gather(
        *(service.post("/v1/task-batches", batch, Idempotency_Key="crowd") for _ in range(20))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.text for answer in answers}) == 1
    assert await service.database["tasks"].count_documents({}) == before + 2
