"""Whether a task is on time: derived at a moment, never stored as truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.office.vocabulary import Stage, Timeliness

if TYPE_CHECKING:
    from shared.office.policy import Policy
    from shared.office.workdays import WorkCalendar


@dataclass(frozen=True, slots=True)
class Horizon:
    """The moments that divide the timeliness of open tasks, worked out once for any number of tasks."""

    now: datetime
    today_ends: datetime
    soon_ends: datetime


def horizon(now: datetime, calendar: WorkCalendar, policy: Policy) -> Horizon:
    """Return the horizon of a moment: a task is due soon up to the eve of the first working day too far away."""
    today = calendar.local_day(now)
    too_far = calendar.add_working_days(today, policy.due_soon_days + 1)
    return Horizon(now, calendar.end_of_day(today), calendar.end_of_day(too_far - timedelta(days=1)))


def timeliness(stage: Stage, due_at: datetime | None, submitted_at: datetime | None, at: Horizon) -> Timeliness:
    """Judge a task by its stage, the moment its term ends and when its standing report was submitted."""
    if stage is Stage.RECALLED:
        return Timeliness.RECALLED
    if stage is Stage.COMPLETED:
        return _of_completed(due_at, submitted_at)
    if due_at is None:
        return Timeliness.NO_DEADLINE
    if stage is Stage.REPORTED and submitted_at is not None:
        return Timeliness.ON_TRACK if submitted_at <= due_at else Timeliness.OVERDUE
    return _of_open(due_at, at)


def _of_completed(due_at: datetime | None, submitted_at: datetime | None) -> Timeliness:
    on_time = due_at is None or (submitted_at is not None and submitted_at <= due_at)
    return Timeliness.COMPLETED_ON_TIME if on_time else Timeliness.COMPLETED_LATE


def _of_open(due_at: datetime, at: Horizon) -> Timeliness:
    if at.now > due_at:
        return Timeliness.OVERDUE
    if due_at <= at.today_ends:
        return Timeliness.DUE_TODAY
    return Timeliness.DUE_SOON if due_at <= at.soon_ends else Timeliness.ON_TRACK
