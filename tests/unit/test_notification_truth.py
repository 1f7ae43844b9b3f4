"""Which reminders a later version of their task contradicts, whatever the order in which events arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.due import RequestedDeadline
from services.deadline.monitor import event_of_moment
from services.deadline.rules.watch import Watch, deal_with
from services.notification.rules.truth import KnownTask, is_untrue
from shared.events.envelope import Event
from shared.events.names import DEADLINE_KINDS, kind_of
from shared.events.task import Explanation, Task
from shared.office.refusal import Refusal
from shared.office.vocabulary import Cause, ExplanationState, Stage
from tests.support.lives import LIVES, Life
from tests.support.notification_events import ASSIGNED_AT, CALENDAR, DUE_AT, a_task, moment_told
from tests.support.reminder_truth import is_contradicted

MILLISECOND: Final = timedelta(milliseconds=1)
RECEIPT_DUE_AT: Final = a_task().receipt_due_at
OWED: Final = Explanation(state=ExplanationState.REQUIRED, required_at=DUE_AT, due_at=DUE_AT + timedelta(days=5))


def told_as(kind: str, known: Task, *, told_at: datetime = ASSIGNED_AT, at: datetime = DUE_AT, **then: Any) -> bool:
    """Return whether a reminder of version 2 of a task, as it was `then`, is told when the task is known as `known`."""
    reached = moment_told(kind, at=at, version=2, **then).data
    return not is_untrue(f"deadline.{kind}", reached, told_at, KnownTask.of(known))


@pytest.mark.parametrize("kind", ["due_soon", "due_today"])
@pytest.mark.parametrize(
    ("known", "is_told"),
    [
        (a_task(version=3, stage=Stage.IN_PROGRESS), True),
        (a_task(version=3, stage=Stage.ASSIGNED), True),
        (a_task(version=3, stage=Stage.REPORTED), False),
        (a_task(version=3, stage=Stage.COMPLETED), False),
        (a_task(version=3, stage=Stage.RECALLED), False),
        (a_task(version=3, stage=Stage.REFUSED), False),
        (a_task(version=3, due_at=DUE_AT + timedelta(days=7)), False),
        (a_task(version=3, lead_agency="so-y-te"), False),
        (a_task(version=2, stage=Stage.COMPLETED), True),
        (a_task(version=1, stage=Stage.ASSIGNED), True),
    ],
)
def test_a_reminder_before_the_deadline_is_told_while_the_task_is_at_work(
    kind: str, known: Task, *, is_told: bool
) -> None:
    assert told_as(kind, known) is is_told


@pytest.mark.parametrize(("kind", "is_told"), [("due_soon", False), ("due_today", False), ("receipt_overdue", True)])
def test_a_deadline_that_has_passed_is_not_announced_as_one_to_come(kind: str, *, is_told: bool) -> None:
    reached = moment_told(kind, at=RECEIPT_DUE_AT).data
    assert not is_untrue(f"deadline.{kind}", reached, DUE_AT, None)
    assert is_untrue(f"deadline.{kind}", reached, DUE_AT + MILLISECOND, None) is not is_told


@pytest.mark.parametrize(
    ("known", "is_told"),
    [
        (a_task(version=3, stage=Stage.ASSIGNED, urgings=1), True),
        (a_task(version=3, stage=Stage.RECEIVED), False),
        (a_task(version=3, stage=Stage.REFUSED), False),
        (a_task(version=3, stage=Stage.RECALLED), False),
        (a_task(version=3, stage=Stage.ASSIGNED, receipt_due_at=RECEIPT_DUE_AT + timedelta(days=1)), False),
        (a_task(version=3, stage=Stage.ASSIGNED, lead_agency="so-y-te"), False),
    ],
)
def test_a_receipt_is_overdue_while_its_term_is_the_same_and_nobody_received(known: Task, *, is_told: bool) -> None:
    assert told_as("receipt_overdue", known, at=RECEIPT_DUE_AT, stage=Stage.ASSIGNED) is is_told


@pytest.mark.parametrize(
    ("known", "is_told"),
    [
        (a_task(version=3, stage=Stage.IN_PROGRESS, report_due_at=DUE_AT), True),
        (a_task(version=3, stage=Stage.IN_PROGRESS, report_due_at=None), False),
        (a_task(version=3, stage=Stage.IN_PROGRESS, report_due_at=DUE_AT + MILLISECOND), False),
        (a_task(version=3, stage=Stage.REPORTED, report_due_at=DUE_AT), False),
        (a_task(version=3, stage=Stage.RECALLED, report_due_at=DUE_AT), False),
    ],
)
def test_a_report_is_missing_while_finished_work_is_not_reported(known: Task, *, is_told: bool) -> None:
    assert told_as("report_missing", known, report_due_at=DUE_AT) is is_told


@pytest.mark.parametrize(
    ("state", "stage", "days", "is_told"),
    [
        (ExplanationState.REQUIRED, Stage.IN_PROGRESS, 0, True),
        (ExplanationState.REQUIRED, Stage.REPORTED, 0, True),
        (ExplanationState.REFUSED, Stage.IN_PROGRESS, 3, False),
        (ExplanationState.SUBMITTED, Stage.IN_PROGRESS, 0, False),
        (ExplanationState.ACCEPTED, Stage.COMPLETED, 0, False),
        (ExplanationState.REQUIRED, Stage.RECALLED, 0, False),
    ],
)
def test_an_explanation_is_overdue_while_it_is_owed(
    state: ExplanationState, stage: Stage, days: int, *, is_told: bool
) -> None:
    due_at = DUE_AT + timedelta(days=5)
    later = Explanation(state=state, required_at=DUE_AT, due_at=due_at + timedelta(days=days))
    known = a_task(version=3, stage=stage, explanation=later)
    assert told_as("explanation_overdue", known, at=due_at, explanation=OWED) is is_told


def test_every_kind_that_people_are_told_of_is_judged() -> None:
    for kind in set(DEADLINE_KINDS) - {"missed"}:
        assert told_as(kind, a_task(version=3, stage=Stage.RECALLED)) is False


_LEADER, _HEAD, _OFFICER = "chu-tich", "gd-tai-chinh", "cv-tai-chinh"
_DAY: Final = CALENDAR.local_day(ASSIGNED_AT)
_STEPS: Final[Sequence[Callable[[Life], object]]] = (
    lambda life: life.pass_days(1),
    lambda life: life.pass_days(4),
    lambda life: life.act("receipt", receipt.Receive(), _HEAD),
    lambda life: life.act("refusal", receipt.Refuse("Không thuộc thẩm quyền"), _HEAD),
    lambda life: life.act("reassignment", handover.Reassign("so-xay-dung", "Đúng chức năng"), _LEADER),
    lambda life: life.act("reassignment", handover.Reassign("so-tai-chinh", "Giao lại"), _LEADER),
    lambda life: life.act("progress", work.MakeProgress(100), _HEAD),
    lambda life: life.act("progress", work.MakeProgress(50), _HEAD),
    lambda life: life.act(
        "extension", extension.AskExtension(RequestedDeadline(day=_DAY + timedelta(days=25)), "Chờ số liệu"), _HEAD
    ),
    lambda life: life.act("extension/decision", extension.DecideExtension(approved=True), _LEADER),
    lambda life: life.act("report", report.SubmitReport("Đã xong"), _HEAD),
    lambda life: life.act("report/decision", report.DecideReport(accepted=False, reason="Thiếu"), _LEADER),
    lambda life: life.act("report/decision", report.DecideReport(accepted=True), _LEADER),
    lambda life: life.act("explanation", explanation.Explain(Cause.WORKLOAD, "Nhiều việc", "Thêm người"), _HEAD),
    lambda life: life.act("recall", handover.Recall("Không còn cần"), _LEADER),
)


def a_life(days: int, steps: Sequence[int]) -> list[Event[Any]]:
    """Return the events of a task that is due in so many days, and whose people try these steps."""
    life = Life(RequestedDeadline(day=_DAY + timedelta(days=days)))
    for step in steps:
        with suppress(Refusal):
            _STEPS[step](life)
    return life.events


def announced_late(tasks: Sequence[Task], lag: int) -> list[Event[Any]]:
    """Return what a deadline announces that looks at each version only after `lag` more are recorded."""
    late: list[Event[Any]] = []
    for task, later in zip(tasks, tasks[lag:], strict=False):
        _, moments = deal_with(Watch(task, due_since=ASSIGNED_AT), CALENDAR, later.updated_at + MILLISECOND)
        late += [event_of_moment(moment, task, later.updated_at + MILLISECOND) for moment in moments]
    return late


@dataclass
class Office:
    """The latest version of one task that notification knows, and what it told while it knew that version."""

    known: Task | None = None
    told: list[tuple[Event[Any], Task | None]] = field(default_factory=list)

    def hear(self, event: Event[Any]) -> None:
        if event.type.startswith("task."):
            self.known = max(self.known or event.data.task, event.data.task, key=lambda task: task.version)
        elif event.type != "deadline.missed.v1" and not self.drops(event):
            self.told.append((event, self.known))

    def drops(self, event: Event[Any]) -> bool:
        known = KnownTask.of(self.known) if self.known else None
        return is_untrue(kind_of(event.type), event.data, event.time, known)


def is_wrong(event: Event[Any], known: Task | None) -> bool:
    """Whether a reminder was told although the later version that was known then says otherwise."""
    is_later = known is not None and known.version > event.data.sequence
    return is_later and is_contradicted(kind_of(event.type), event.data, known)


@given(
    days=st.integers(1, 20),
    steps=st.lists(st.integers(0, len(_STEPS) - 1), min_size=2, max_size=14),
    lag=st.integers(0, 3),
    order=st.randoms(use_true_random=False),
)
def test_nothing_is_told_that_a_later_version_known_by_then_contradicts(
    days: int, steps: list[int], lag: int, order: Any
) -> None:
    events = a_life(days, steps)
    events += announced_late([event.data.task for event in events if event.type.startswith("task.")], lag)
    order.shuffle(events)
    office = Office()
    for event in events:
        office.hear(event)
    assert not [event.id for event, known in office.told if is_wrong(event, known)]


@pytest.mark.parametrize("life", LIVES.values(), ids=list(LIVES))
def test_in_the_order_in_which_it_happened_everything_is_told(life: Callable[[], Life]) -> None:
    """What is announced in time is true: no later version is known yet."""
    office, events = Office(), life().events
    for event in events:
        office.hear(event)
    reminders = {event.id for event in events if event.type.startswith("deadline.")}
    missed = {event.id for event in events if event.type == "deadline.missed.v1"}
    assert {event.id for event, _ in office.told} == reminders - missed
