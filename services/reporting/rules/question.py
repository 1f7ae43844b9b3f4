"""What a summary is asked, and the aggregation that answers it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from services.reporting.rules.counting import COUNTERS, RATED, TIMELINESS, Expression, timeliness_at
from services.reporting.rules.versions import NEWEST, Version
from shared.office.timeliness import horizon

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from shared.office.workdays import WorkCalendar


class GroupBy(StrEnum):
    """What the rows of a summary are about; `agency` is the lead agency."""

    AGENCY = "agency"
    ASSIGNER = "assigner"
    DOCUMENT = "document"
    FIELD = "field"
    MONTH = "month"


class PeriodBy(StrEnum):
    """Which moment of a task the period and the month speak of."""

    ASSIGNED = "assigned"
    DUE = "due"
    COMPLETED = "completed"

    @property
    def field(self) -> str:
        return f"{self}_at"


@dataclass(frozen=True, slots=True)
class Question:
    """A summary asked for: its period in local days, both inclusive, and whose tasks it may count (none: all).

    Without `as_of` the newest versions are counted; with it, what was recorded by then.
    """

    group_by: GroupBy
    period_by: PeriodBy = PeriodBy.ASSIGNED
    first_day: date | None = None
    last_day: date | None = None
    as_of: datetime | None = None
    lead_agency: str | None = None


COUNTED_FIELDS: Final = tuple(field.name for field in fields(Version) if field.name not in {"task", "sequence"})
"""All that a question reads of a version besides `until`; an index on these answers it without the documents."""

_GROUPED_FIELD: Final[Mapping[GroupBy, str]] = MappingProxyType(
    {
        GroupBy.AGENCY: "lead_agency",
        GroupBy.ASSIGNER: "assigner",
        GroupBy.DOCUMENT: "document",
        GroupBy.FIELD: "field",
    }
)


def pipeline(question: Question, now: datetime, calendar: WorkCalendar) -> list[dict[str, Any]]:
    """Count, in one aggregation, every counter of each group, by the name of the counter; `_id` is the group's key."""
    at = horizon(question.as_of or now, calendar, calendar.policy)
    counters = {**COUNTERS, **RATED}
    sums = {name: {"$sum": counter(at.now)} for name, counter in counters.items()}
    return [
        {"$match": matching(question, calendar)},
        {"$project": {"_id": False, **dict.fromkeys(COUNTED_FIELDS, True)}},
        {"$set": {TIMELINESS: timeliness_at(at)}},
        {"$group": {"_id": _key(question, calendar.policy.timezone), **sums}},
    ]


def matching(question: Question, calendar: WorkCalendar) -> dict[str, Any]:
    """Find the version of each task that held at the moment, of the tasks in the period and in sight."""
    held = {"until": NEWEST} if question.as_of is None else _held_at(question.as_of)
    led = {} if question.lead_agency is None else {"lead_agency": question.lead_agency}
    return {**held, **led, **_period(question, calendar)}


def _held_at(moment: datetime) -> dict[str, Any]:
    return {"at": {"$lte": moment}, "until": {"$gt": moment}}


def _period(question: Question, calendar: WorkCalendar) -> dict[str, Any]:
    bounds = {}
    if question.first_day is not None:
        bounds["$gte"] = calendar.start_of_day(question.first_day)
    if question.last_day is not None:
        bounds["$lte"] = calendar.end_of_day(question.last_day)
    return {question.period_by.field: bounds} if bounds else {}


def _key(question: Question, timezone: str) -> Expression:
    if question.group_by is GroupBy.MONTH:
        moment = f"${question.period_by.field}"
        return {"$dateToString": {"format": "%Y-%m", "date": moment, "timezone": timezone, "onNull": None}}
    return f"${_GROUPED_FIELD[question.group_by]}"
