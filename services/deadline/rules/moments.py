"""The moments that matter to a task in its current state: reminders before its deadline, and terms that end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared.office.vocabulary import AT_WORK, OWED, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.events.task import Task
    from shared.office.workdays import WorkCalendar

BEYOND_A_MISS: Final = frozenset({Stage.REFUSED, Stage.RECALLED, Stage.COMPLETED})


class MomentKind(StrEnum):
    """What happens to a task at a moment; each kind names an event."""

    DUE_SOON = "due_soon"
    DUE_TODAY = "due_today"
    MISSED = "missed"
    RECEIPT_OVERDUE = "receipt_overdue"
    REPORT_MISSING = "report_missing"
    EXPLANATION_OVERDUE = "explanation_overdue"


# What is said before the deadline; a reminder that came before the deadline was set is never sent.
REMINDERS: Final = frozenset({MomentKind.DUE_SOON, MomentKind.DUE_TODAY})


@dataclass(frozen=True, slots=True)
class WatchedMoment:
    """A moment and its kind; the `rung` of a reminder is the number of working days left."""

    at: datetime
    kind: MomentKind
    rung: int = 0

    def has_come(self, now: datetime) -> bool:
        """Whether the moment has passed; the last millisecond of a term still belongs to the term."""
        return now > self.at


def moments_of(task: Task, calendar: WorkCalendar) -> list[WatchedMoment]:
    """Return every moment of the task in its current stage, past and future, earliest first."""
    return sorted([*_reminders(task, calendar), *_terms(task)], key=lambda moment: moment.at)


def worth_announcing(
    came: Sequence[WatchedMoment], task: Task, calendar: WorkCalendar, now: datetime
) -> list[WatchedMoment]:
    """Return which moments that came are announced: the latest of each kind, if it is still true."""
    latest = {moment.kind: moment for moment in came}
    return [moment for moment in latest.values() if _is_still_true(moment, task, calendar, now)]


def _reminders(task: Task, calendar: WorkCalendar) -> Iterator[WatchedMoment]:
    if task.due_at is None or task.stage not in AT_WORK:
        return
    due_day, hour = calendar.local_day(task.due_at), calendar.policy.day_starts
    for rung in calendar.policy.remind_before:
        yield WatchedMoment(
            calendar.start_of_day(calendar.subtract_working_days(due_day, rung), hour), MomentKind.DUE_SOON, rung
        )
    morning = calendar.start_of_day(due_day, hour)
    if morning < task.due_at:
        yield WatchedMoment(morning, MomentKind.DUE_TODAY)


def _terms(task: Task) -> Iterator[WatchedMoment]:
    if task.due_at is not None and _can_be_missed(task, task.due_at):
        yield WatchedMoment(task.due_at, MomentKind.MISSED)
    if task.stage is Stage.ASSIGNED:
        yield WatchedMoment(task.receipt_due_at, MomentKind.RECEIPT_OVERDUE)
    if task.stage is Stage.IN_PROGRESS and task.report_due_at is not None:
        yield WatchedMoment(task.report_due_at, MomentKind.REPORT_MISSING)
    if task.explanation.due_at is not None and _owes_explanation(task):
        yield WatchedMoment(task.explanation.due_at, MomentKind.EXPLANATION_OVERDUE)


def _can_be_missed(task: Task, due_at: datetime) -> bool:
    submitted_at = task.current_submission
    in_time = submitted_at is not None and submitted_at <= due_at
    return task.stage not in BEYOND_A_MISS and not in_time


def _owes_explanation(task: Task) -> bool:
    return task.explanation.state in OWED and task.stage is not Stage.RECALLED


def _is_still_true(moment: WatchedMoment, task: Task, calendar: WorkCalendar, now: datetime) -> bool:
    if task.due_at is None or moment.kind not in REMINDERS:
        return True
    if moment.kind is MomentKind.DUE_SOON:
        return calendar.local_day(now) < calendar.local_day(task.due_at)
    return now <= task.due_at
