"""The moments that matter to a task as it stands: reminders before its deadline, and terms that run out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared.office.vocabulary import ExplanationState, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.events.task import Task
    from shared.office.workdays import WorkCalendar

AT_WORK: Final = frozenset({Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS})
BEYOND_A_MISS: Final = frozenset({Stage.REFUSED, Stage.RECALLED, Stage.COMPLETED})
OWING: Final = frozenset({ExplanationState.REQUIRED, ExplanationState.REFUSED})


class Kind(StrEnum):
    """What time does to a task; each names an event."""

    DUE_SOON = "due_soon"
    DUE_TODAY = "due_today"
    MISSED = "missed"
    RECEIPT_OVERDUE = "receipt_overdue"
    REPORT_MISSING = "report_missing"
    EXPLANATION_OVERDUE = "explanation_overdue"


# What is said before the deadline; a reminder that came before the deadline was set is never sent.
REMINDERS: Final = frozenset({Kind.DUE_SOON, Kind.DUE_TODAY})


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment and what it does; `rung` tells a reminder's working days left."""

    at: datetime
    kind: Kind
    rung: int = 0

    def has_come(self, now: datetime) -> bool:
        """Whether it lies behind: the last millisecond of a term still belongs to the term."""
        return now > self.at


def moments_of(task: Task, calendar: WorkCalendar) -> list[Moment]:
    """Return every moment of the task in its present stage, those gone by with those ahead, earliest first."""
    return sorted([*_reminders(task, calendar), *_terms(task)], key=lambda moment: moment.at)


def worth_telling(came: Sequence[Moment], task: Task, calendar: WorkCalendar, now: datetime) -> list[Moment]:
    """Return what of the moments that came, earliest first, is to be told: the latest of each kind, if still true."""
    latest = {moment.kind: moment for moment in came}
    return [moment for moment in latest.values() if _is_still_true(moment, task, calendar, now)]


def _reminders(task: Task, calendar: WorkCalendar) -> Iterator[Moment]:
    if task.due_at is None or task.stage not in AT_WORK:
        return
    due_day, hour = calendar.local_day(task.due_at), calendar.policy.day_starts
    for rung in calendar.policy.remind_before:
        yield Moment(calendar.start_of_day(calendar.subtract_working_days(due_day, rung), hour), Kind.DUE_SOON, rung)
    morning = calendar.start_of_day(due_day, hour)
    if morning < task.due_at:
        yield Moment(morning, Kind.DUE_TODAY)


def _terms(task: Task) -> Iterator[Moment]:
    if task.due_at is not None and _can_be_missed(task, task.due_at):
        yield Moment(task.due_at, Kind.MISSED)
    if task.stage is Stage.ASSIGNED:
        yield Moment(task.receipt_due_at, Kind.RECEIPT_OVERDUE)
    if task.stage is Stage.IN_PROGRESS and task.report_due_at is not None:
        yield Moment(task.report_due_at, Kind.REPORT_MISSING)
    if task.explanation.due_at is not None and _owes_explanation(task):
        yield Moment(task.explanation.due_at, Kind.EXPLANATION_OVERDUE)


def _can_be_missed(task: Task, due_at: datetime) -> bool:
    submitted_at = task.standing_submission
    in_time = submitted_at is not None and submitted_at <= due_at
    return task.stage not in BEYOND_A_MISS and not in_time


def _owes_explanation(task: Task) -> bool:
    return task.explanation.state in OWING and task.stage is not Stage.RECALLED


def _is_still_true(moment: Moment, task: Task, calendar: WorkCalendar, now: datetime) -> bool:
    if task.due_at is None or moment.kind not in REMINDERS:
        return True
    if moment.kind is Kind.DUE_SOON:
        return calendar.local_day(now) < calendar.local_day(task.due_at)
    return now <= task.due_at
