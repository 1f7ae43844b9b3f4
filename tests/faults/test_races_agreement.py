"""The checks of `assert_agreement` are checked themselves: each finds what it is there to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, Final

import pytest

from shared.events.envelope import Event
from tests.support import agreement
from tests.support.agreement import assert_agreement
from tests.support.published_events import PublishedEvents
from tests.support.running_stack import RunningStack
from tests.support.stored_state import Record, StoredState, read_stored_state
from tests.support.workload import Request, Workload

A_SECOND: Final = timedelta(seconds=1)
EXTENDED: Final[list[tuple[str, str, dict[str, Any]]]] = [
    ("clerk-stc", "receipt", {}),
    ("head-stc", "extension", {"new_deadline": "2026-12-21", "reason": "Chờ số liệu"}),
    ("coordinator", "extension/decision", {"approved": True}),
]


@pytest.fixture(scope="module")
async def workload(stack: RunningStack, published: PublishedEvents) -> Workload:
    """A bit of everything has happened: a batch, acts of all kinds, and deadlines that passed."""
    workload = Workload(stack, published, Random(7))  # noqa: S311 - nothing is secret here
    items = [{"title": "Báo cáo", "lead_agencies": ["stc", "sxd", "snn"], "monitor": "vp"}]
    await workload.post("chair", "/v1/task-batches", {"document": {"number": "1/QĐ"}, "items": items})
    await workload.run(20)
    [extended] = await workload.assign(1, lead_agency="stc", coordinating_agencies=["snn"])
    for by, act, body in EXTENDED:
        await workload.post(by, f"/v1/tasks/{extended}/{act}", body)
    stack.advance(timedelta(days=80))
    return workload


@pytest.fixture(scope="module")
async def state(workload: Workload) -> StoredState:
    await assert_agreement(workload)
    return _without_other_tasks(await read_stored_state(workload, workload.stack.now()))


def _without_other_tasks(state: StoredState) -> StoredState:
    """Leave out what other tests did on the same stack."""
    acknowledged = state.acknowledged
    own = {task for task, _ in acknowledged.tasks.values()}.union(*acknowledged.batches.values())
    tasks = {task: document for task, document in state.tasks.items() if task in own}
    return replace(
        state,
        tasks=tasks,
        batches={batch: state.batches[batch] for batch in {task["batch"] for task in tasks.values()} - {None}},
        watches={task: watch for task, watch in state.watches.items() if task in own},
        rows={row: document for row, document in state.rows.items() if document["task"] in own},
        inbox=[entry for entry in state.inbox if entry["task_id"] in own],
        published=[event for event in state.published if event.subject in own],
    )


@dataclass(frozen=True)
class Draft:
    """A copy of the stored state, to be spoiled."""

    state: StoredState
    published: list[Event[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, state: StoredState) -> Draft:
        published = list(state.published)
        copied = {name: deepcopy(getattr(state, name)) for name in _COPIED}
        return cls(StoredState(**copied, now=state.now, accounts=state.accounts, published=published), published)

    def task(self, condition: Callable[[Record], Any] = lambda task: len(task["history"]) > 2) -> Record:
        """Return the first task that meets the condition; without one, a task with some history."""
        return next(filter(condition, self.state.tasks.values()))

    @property
    def extended(self) -> Record:
        return self.task(lambda task: _entry(task, "extension_approved"))

    @property
    def missed(self) -> Record:
        return self.task(lambda task: _entry(task, "explanation_required"))

    @property
    def watch(self) -> Record:
        return next(watch for watch in self.state.watches.values() if watch["sequence"] > 1)

    @property
    def row(self) -> Record:
        return next(iter(self.state.rows.values()))

    @property
    def request(self) -> tuple[Request, str]:
        """Return an acknowledged request and its task."""
        request, (task, _) = next(iter(self.state.acknowledged.tasks.items()))
        return request, task

    def rewrite(self, name: str, change: Callable[[Event[Any]], dict[str, Any]]) -> None:
        """Change the first published event of a name."""
        number = next(n for n, event in enumerate(self.published) if event.type == name)
        self.published[number] = self.published[number].model_copy(update=change(self.published[number]))

    def withhold(self, name: str) -> None:
        self.published.remove(next(event for event in self.published if event.type == name))


_COPIED: Final = ("tasks", "batches", "watches", "rows", "inbox", "full_outboxes", "dead_letters", "acknowledged")


def _entry(task: Record, act: str) -> Record | None:
    return next((entry for entry in task["history"] if entry["act"] == act), None)


def _repeat(task: Record, act: str) -> None:
    """Repeat an entry, in a history whose numbers stay right."""
    entry = _entry(task, act)
    assert entry is not None
    task["history"].append({**entry, "sequence": len(task["history"]) + 1})


Check = Callable[[StoredState], Iterator[str]]
Spoiling = Callable[[Draft], None]
SPOILED: Final[list[tuple[Spoiling, Check, str]]] = []


def found_by(check: Check, what: str) -> Callable[[Spoiling], Spoiling]:
    """Add a way to spoil the state, the check that finds it, and what the check says."""

    def add(spoil: Spoiling) -> Spoiling:
        SPOILED.append((spoil, check, what))
        return spoil

    return add


@found_by(agreement.nothing_is_on_its_way, "deadline.watches: an outbox is not empty")
def an_outbox_is_left(draft: Draft) -> None:
    draft.state.full_outboxes.append("deadline.watches")


@found_by(agreement.nothing_is_on_its_way, "reporting: there are dead letters")
def a_message_died(draft: Draft) -> None:
    draft.state.dead_letters.append("reporting")


@found_by(agreement.nothing_is_on_its_way, "still open")
def a_batch_is_left(draft: Draft) -> None:
    next(iter(draft.state.batches.values()))["open_since"] = draft.state.now


@found_by(agreement.histories_make_the_tasks, "its history is numbered [1, 3")
def an_entry_was_lost(draft: Draft) -> None:
    draft.task()["history"].pop(1)


@found_by(agreement.histories_make_the_tasks, "its history is numbered [1, 2, 2, 3")
def an_entry_stands_twice(draft: Draft) -> None:
    task = draft.task()
    task["history"].insert(1, task["history"][1])


@found_by(agreement.histories_make_the_tasks, "cannot be replayed")
def a_task_has_no_history(draft: Draft) -> None:
    draft.task()["history"].clear()


@found_by(agreement.histories_make_the_tasks, "cannot be replayed")
def an_entry_is_not_known(draft: Draft) -> None:
    draft.task()["history"][1]["act"] = "slept"


@found_by(agreement.histories_make_the_tasks, "title is Khác, and should be")
def a_task_was_changed_without_history(draft: Draft) -> None:
    draft.task()["title"] = "Khác"


@found_by(agreement.histories_make_the_tasks, "version is 99, and should be")
def a_version_was_counted_wrong(draft: Draft) -> None:
    draft.task()["version"] = 99


@found_by(agreement.histories_make_the_tasks, "waiting is ['nobody'], by its history")
def a_task_is_searched_by_what_it_is_not(draft: Draft) -> None:
    draft.task()["waiting"] = ["nobody"]


@found_by(agreement.acknowledged_requests_stand_once, "stands in its history at [2, ")
def an_act_was_done_twice(draft: Draft) -> None:
    task = draft.task(lambda task: len(task["history"]) > 2 and task["history"][1].get("key"))
    _repeat(task, task["history"][1]["act"])


@found_by(agreement.acknowledged_requests_stand_once, "made 2 tasks")
def a_task_was_assigned_twice(draft: Draft) -> None:
    one, other = [task["history"][0] for task in draft.state.tasks.values() if task["history"][0].get("key")][:2]
    other.update(by=one["by"], key=one["key"])


@found_by(agreement.acknowledged_requests_stand_once, "was acknowledged and is not in its history")
def an_acknowledged_act_is_gone(draft: Draft) -> None:
    draft.state.acknowledged.tasks[Request("chair", "gone")] = (draft.task()["_id"], 1)


@found_by(agreement.acknowledged_requests_stand_once, "was acknowledged and is not in its history")
def an_acknowledged_task_is_gone(draft: Draft) -> None:
    draft.state.tasks.pop(draft.request[1])


@found_by(agreement.acknowledged_requests_stand_once, "was answered with version 99, which is not there")
def an_acknowledged_version_is_gone(draft: Draft) -> None:
    request, task = draft.request
    draft.state.acknowledged.tasks[request] = (task, 99)


@found_by(agreement.acknowledged_requests_stand_once, "and then with another-task")
def a_retry_was_answered_otherwise(draft: Draft) -> None:
    request, _ = draft.request
    draft.state.acknowledged.add(request.by, request.key, {"id": "another-task", "version": 1})


@found_by(agreement.acknowledged_batches_are_whole, "which is not whole")
def an_acknowledged_batch_is_gone(draft: Draft) -> None:
    for task in next(iter(draft.state.acknowledged.batches.values())):
        draft.state.tasks.pop(task)


@found_by(agreement.acknowledged_batches_are_whole, "batch of 3 tasks, which is not whole")
def a_task_of_a_batch_is_gone(draft: Draft) -> None:
    draft.state.tasks.pop(draft.task(lambda task: task["batch"])["_id"])


@found_by(agreement.acknowledged_batches_are_whole, "has tasks and no document")
def a_batch_was_made_up(draft: Draft) -> None:
    draft.task()["batch"] = "no-such-batch"


@found_by(agreement.deadlines_move_once, "2 extension requests are approved")
def two_requests_were_approved(draft: Draft) -> None:
    requests = draft.extended["extension"]["requests"]
    requests.append(next(request for request in requests if request["state"] == "approved"))


@found_by(agreement.deadlines_move_once, "2 extension requests are pending")
def two_requests_wait(draft: Draft) -> None:
    request = draft.extended["extension"]["requests"][0]
    draft.extended["extension"]["requests"] = [{**request, "state": "pending"}] * 2


@found_by(agreement.deadlines_move_once, "extended 2 times")
def a_task_was_extended_twice(draft: Draft) -> None:
    _repeat(draft.extended, "extension_approved")


@found_by(agreement.deadlines_move_once, "original_due_at is")
def the_first_deadline_is_lost(draft: Draft) -> None:
    draft.extended["original_due_at"] = draft.extended["due_at"]


@found_by(agreement.deadlines_move_once, "moved to [")
def a_deadline_crept(draft: Draft) -> None:
    draft.extended["due_at"] += A_SECOND


@found_by(agreement.misses_are_recorded, "and no miss is recorded")
def a_miss_was_forgotten(draft: Draft) -> None:
    draft.task(lambda task: task["missed_at"] and task["stage"] == "assigned")["missed_at"] = None


@found_by(agreement.misses_are_recorded, "due only at")
def a_miss_was_recorded_early(draft: Draft) -> None:
    draft.missed["missed_at"] = draft.missed["due_at"] - A_SECOND


@found_by(agreement.misses_are_recorded, "its history has 2 misses")
def a_miss_was_recorded_twice(draft: Draft) -> None:
    _repeat(draft.missed, "explanation_required")


@found_by(agreement.every_version_was_published, "version 2 was never published")
def a_version_was_not_published(draft: Draft) -> None:
    draft.withhold("task.received.v1")


@found_by(agreement.every_version_was_published, "version 2 was published otherwise than it stands")
def a_version_was_published_otherwise(draft: Draft) -> None:
    other = {"title": "Khác"}
    draft.rewrite(
        "task.received.v1", lambda event: {"data": _changed(event.data, task=_changed(event.data.task, **other))}
    )


@found_by(agreement.every_version_was_published, "was published as version 2, task.received stands")
def another_act_was_published(draft: Draft) -> None:
    draft.rewrite("task.received.v1", lambda _: {"type": "task.urged.v1"})


@found_by(agreement.every_version_was_published, "is of two versions")
def an_event_is_numbered_otherwise_than_its_task(draft: Draft) -> None:
    draft.rewrite(
        "task.received.v1", lambda event: {"data": _changed(event.data, task=_changed(event.data.task, version=9))}
    )


@found_by(agreement.every_version_was_published, "was published and is not there")
def what_was_published_is_not_there(draft: Draft) -> None:
    draft.task()["history"].pop()


@found_by(agreement.deadline_watches_the_tasks, "deadline does not watch it")
def deadline_lost_a_task(draft: Draft) -> None:
    draft.state.watches.popitem()


@found_by(agreement.deadline_watches_the_tasks, "task made-up: deadline watches it, and assignment does not know it")
def deadline_made_a_task_up(draft: Draft) -> None:
    draft.state.watches["made-up"] = {"dealt_with": {}}


@found_by(agreement.deadline_watches_the_tasks, "deadline has version 1, assignment")
def deadline_is_behind(draft: Draft) -> None:
    draft.watch["sequence"] = 1


@found_by(agreement.deadline_watches_the_tasks, "otherwise than assignment")
def deadline_watches_another_state(draft: Draft) -> None:
    draft.watch["task"]["title"] = "Khác"


@found_by(agreement.deadline_watches_the_tasks, "deadline has not dealt with the moment")
def deadline_overslept(draft: Draft) -> None:
    draft.watch.update(next_moment=draft.state.now - A_SECOND)


@found_by(agreement.announcements_were_right, "receipt_overdue of")
def a_moment_was_never_announced(draft: Draft) -> None:
    draft.withhold("deadline.receipt_overdue.v1")


@found_by(agreement.announcements_were_right, "was announced at")
def a_moment_was_announced_twice(draft: Draft) -> None:
    event = next(event for event in draft.published if event.type == "deadline.missed.v1")
    draft.published.append(_changed(event, time=event.time + A_SECOND))


@found_by(agreement.announcements_were_right, "was announced early")
def a_moment_was_announced_early(draft: Draft) -> None:
    draft.rewrite("deadline.missed.v1", lambda event: {"time": event.data.moment})


@found_by(agreement.announcements_were_right, "tells of a moment that is none of version")
def a_moment_was_made_up(draft: Draft) -> None:
    draft.rewrite("deadline.missed.v1", lambda event: {"data": _changed(event.data, moment=event.time - A_SECOND)})


@found_by(agreement.announcements_were_right, "says lead_agency sct, it was")
def an_announcement_misleads(draft: Draft) -> None:
    draft.rewrite("deadline.missed.v1", lambda event: {"data": _changed(event.data, lead_agency="sct")})


@found_by(agreement.announcements_were_right, "is of version 99, which is not there")
def an_announcement_is_of_no_version(draft: Draft) -> None:
    draft.rewrite("deadline.missed.v1", lambda event: {"data": _changed(event.data, sequence=99)})


@found_by(agreement.inboxes_are_complete, "was not told of")
def somebody_was_not_told(draft: Draft) -> None:
    draft.state.inbox.pop()


@found_by(agreement.inboxes_are_complete, "was told twice of")
def somebody_was_told_twice(draft: Draft) -> None:
    draft.state.inbox.append(draft.state.inbox[0])


@found_by(agreement.inboxes_are_complete, "notification: auditor was told without reason of")
def somebody_was_told_without_reason(draft: Draft) -> None:
    draft.state.inbox.append({**draft.state.inbox[0], "username": "auditor"})


@found_by(agreement.reporting_has_every_version, "missing in reporting")
def reporting_lost_a_version(draft: Draft) -> None:
    draft.state.rows.popitem()


@found_by(agreement.reporting_has_every_version, "row made-up: reporting has it, and assignment does not")
def reporting_made_a_version_up(draft: Draft) -> None:
    draft.state.rows["made-up"] = {}


@found_by(agreement.reporting_has_every_version, "reporting has urgings 99, assignment 0")
def reporting_counts_otherwise(draft: Draft) -> None:
    draft.row["urgings"] = 99


@found_by(agreement.reporting_has_every_version, "reporting has until")
def a_row_ends_at_the_wrong_time(draft: Draft) -> None:
    draft.row["until"] -= A_SECOND


def _changed(model: Any, **changes: Any) -> Any:
    return model.model_copy(update=changes)


@pytest.mark.parametrize(("spoil", "check", "what"), SPOILED, ids=[spoil.__name__ for spoil, *_ in SPOILED])
def test_it_is_found_when(state: StoredState, spoil: Spoiling, check: Check, what: str) -> None:
    draft = Draft.of(state)
    spoil(draft)
    found = list(check(draft.state.replayed()))
    assert any(what in difference for difference in found), found


def test_each_check_finds_something_and_only_when_something_was_spoiled(state: StoredState) -> None:
    assert {check for _, check, _ in SPOILED} == set(agreement.CHECKS)
    assert agreement.differences(Draft.of(state).state.replayed()) == []


async def test_a_notification_that_is_lost_in_the_database_is_missed(workload: Workload) -> None:
    inbox = workload.stack.collection("notification", "inbox")
    lost = await inbox.find_one_and_delete({"username": "head-stc"})
    assert lost is not None
    with pytest.raises(AssertionError, match=rf"task {lost['task_id']}: notification: head-stc was not told"):
        await assert_agreement(workload)
    await inbox.insert_one(lost)
    await assert_agreement(workload)


async def test_a_workload_sends_again_until_it_is_answered(stack: RunningStack, published: PublishedEvents) -> None:
    workload = Workload(stack, published, Random(1))  # noqa: S311 - nothing is secret here
    await workload.sign_in()
    await stack.services.kill("assignment")
    async with workload.running(together=2, steps=2):
        await stack.start("assignment")
    assert workload.not_answered > 0
    assert workload.acknowledged.tasks
    await assert_agreement(workload)
