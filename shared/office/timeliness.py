"""Whether a task is on time: derived at a moment, never stored as truth.

The table of the contract stands here in three forms, one after the other. A change of the table changes all three:

1. `timeliness` judges one task in Python.
2. `timeliness_filters` are the conditions under which MongoDB finds the tasks of one value, stage by stage.
3. `timeliness_expression` is what MongoDB computes for each task while it counts.

The last two are plain data; nothing here imports the driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.office.vocabulary import Stage, Timeliness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.office.policy import Policy
    from shared.office.workdays import WorkCalendar

Filter = dict[str, Any]
Expression = dict[str, Any] | str
_CLOSED: Final = frozenset({Timeliness.COMPLETED_ON_TIME, Timeliness.COMPLETED_LATE, Timeliness.RECALLED})
NO_DUE: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Where a task without a deadline stands in the order of due moments: last."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """The moments that divide the timeliness of open tasks, worked out once for any number of tasks."""

    now: datetime
    today_ends: datetime
    soon_ends: datetime


def horizon(now: datetime, calendar: WorkCalendar, policy: Policy) -> Horizon:
    """Return the horizon of a moment. `soon_ends` is the end of the day before working day `due_soon_days + 1`."""
    today = calendar.local_day(now)
    too_far = calendar.add_working_days(today, policy.due_soon_days + 1)
    return Horizon(now, calendar.end_of_day(today), calendar.end_of_day(too_far - timedelta(days=1)))


# 1. One task in Python


def timeliness(stage: Stage, due_at: datetime | None, submitted_at: datetime | None, at: Horizon) -> Timeliness:
    """Judge a task by its stage, its due moment and the moment at which its current report was submitted."""
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


def working_days_left(value: Timeliness, due_at: datetime | None, now: datetime, calendar: WorkCalendar) -> int | None:
    """Return how many working days a task of this value has left; None without a due moment, and once it is closed.

    Today is not counted: 0 on the last day. The number is negative exactly while the task is overdue: -1 from the due
    moment to the end of the next working day. A report that waits in time for its decision has 0 after the due moment.
    """
    if due_at is None or value in _CLOSED:
        return None
    today, last = calendar.local_day(now), calendar.local_day(due_at)
    if value is Timeliness.OVERDUE:
        return -max(1, calendar.working_days_between(last, today))
    return calendar.working_days_between(today, last)


# 2. The tasks of one value, as filters of `find`

_WITHOUT_REPORT: Final = (Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS, Stage.REFUSED)
_NO_DUE_MOMENT: Final = {"$lte": ["$due_at", None]}
_IN_TIME: Final = {"$lte": ["$report.submitted_at", "$due_at"]}
_LATE: Final = {"$gt": ["$report.submitted_at", "$due_at"]}
_HAS_DUE_MOMENT: Final[Filter] = {"due_order": {"$lt": NO_DUE}}
MISSED: Final[Filter] = {"missed_at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}
"""Finds the tasks whose miss was recorded. It is also the condition of a partial index."""


def timeliness_filters(value: Timeliness, at: Horizon) -> Mapping[Stage, Filter]:
    """Return the stages in which a task can have a value at the horizon's moment, each with the filter that finds it.

    The filters read `due_order` (the due moment, or `NO_DUE`), `due_at`, `missed_at` and `report.submitted_at`. A task
    that was completed late has a recorded miss: the rules record it in the same write at the latest.
    """
    match value:
        case Timeliness.RECALLED:
            return {Stage.RECALLED: {}}
        case Timeliness.COMPLETED_ON_TIME:
            return {Stage.COMPLETED: {"$expr": {"$or": [_NO_DUE_MOMENT, _IN_TIME]}}}
        case Timeliness.COMPLETED_LATE:
            return {Stage.COMPLETED: {**MISSED, **_HAS_DUE_MOMENT, "$expr": _LATE}}
        case Timeliness.NO_DEADLINE:
            return {stage: {"due_order": NO_DUE} for stage in (*_WITHOUT_REPORT, Stage.REPORTED)}
        case _:
            return {**dict.fromkeys(_WITHOUT_REPORT, _open_filter(value, at)), **_reported_filter(value)}


def _open_filter(value: Timeliness, at: Horizon) -> Filter:
    due: dict[Timeliness, Filter] = {
        Timeliness.OVERDUE: {"$lt": at.now},
        Timeliness.DUE_TODAY: {"$gte": at.now, "$lte": at.today_ends},
        Timeliness.DUE_SOON: {"$gt": at.today_ends, "$lte": at.soon_ends},
        Timeliness.ON_TRACK: {"$gt": at.soon_ends, "$lt": NO_DUE},
    }
    return {"due_order": due[value]}


def _reported_filter(value: Timeliness) -> dict[Stage, Filter]:
    """Return when a report that waits for its decision has this value: on track in time, overdue if late."""
    condition = {Timeliness.ON_TRACK: _IN_TIME, Timeliness.OVERDUE: _LATE}.get(value)
    return {Stage.REPORTED: {**_HAS_DUE_MOMENT, "$expr": condition}} if condition else {}


# 3. The value of each task, as an expression of `aggregate`


def timeliness_expression(at: Horizon) -> Expression:
    """Return the expression that computes the value at the horizon's moment: the first case that holds decides.

    It reads the fields `stage`, `due_at` and `submitted_at`.
    """
    recalled, completed, reported = (_stage_is(stage) for stage in (Stage.RECALLED, Stage.COMPLETED, Stage.REPORTED))
    no_due_moment = {"$not": [present_expression("due_at")]}
    in_time = all_of(present_expression("submitted_at"), {"$lte": ["$submitted_at", "$due_at"]})
    cases: list[tuple[Expression, Timeliness]] = [
        (recalled, Timeliness.RECALLED),
        (all_of(completed, {"$or": [no_due_moment, in_time]}), Timeliness.COMPLETED_ON_TIME),
        (completed, Timeliness.COMPLETED_LATE),
        (no_due_moment, Timeliness.NO_DEADLINE),
        (all_of(reported, in_time), Timeliness.ON_TRACK),
        (all_of(reported, present_expression("submitted_at")), Timeliness.OVERDUE),
        ({"$lt": ["$due_at", at.now]}, Timeliness.OVERDUE),
        ({"$lte": ["$due_at", at.today_ends]}, Timeliness.DUE_TODAY),
        ({"$lte": ["$due_at", at.soon_ends]}, Timeliness.DUE_SOON),
    ]
    branches = [{"case": case, "then": str(value)} for case, value in cases]
    return {"$switch": {"branches": branches, "default": str(Timeliness.ON_TRACK)}}


def _stage_is(stage: Stage) -> Expression:
    return {"$eq": ["$stage", str(stage)]}


def present_expression(field: str) -> Expression:
    """Return an expression: whether the field holds a moment. Null and a missing field sort before every moment."""
    return {"$gt": [f"${field}", None]}


def all_of(*conditions: Expression) -> Expression:
    return {"$and": list(conditions)}
