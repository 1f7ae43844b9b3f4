"""The aggregation that answers a question: which versions are counted, and by which key they are grouped."""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from services.reporting.rules.question import GroupBy, Question
from services.reporting.rules.versions import NEWEST, Version
from services.reporting.store.counters import ALL_COUNTERS, TIMELINESS
from shared.office.timeliness import Expression, horizon, timeliness_expression

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.office.workdays import WorkCalendar

COUNTED_FIELDS: Final = (
    *(field.name for field in fields(Version) if field.name not in {"task", "sequence", "same"}),
    "same.document",
    "same.field",
)
"""All fields that a question reads, except `until`. An index on them answers it without reading the records."""

_GROUPED_FIELD: Final[Mapping[GroupBy, str]] = MappingProxyType(
    {
        GroupBy.AGENCY: "lead_agency",
        GroupBy.ASSIGNER: "assigner",
    }
)
_WRITTEN: Final[Mapping[GroupBy, str]] = MappingProxyType({GroupBy.DOCUMENT: "document", GroupBy.FIELD: "field"})
"""What is written in several ways that count as one."""
_FIRST: Final = "first"


def pipeline(question: Question, now: datetime, calendar: WorkCalendar) -> list[dict[str, Any]]:
    """Return the aggregation that computes every counter of each group; `_id` is the key of the group.

    The groups come in order of their keys, the one without a key first. Of documents that count as one, and of fields,
    the key is as it was written in the task that was assigned first.
    """
    at = horizon(question.as_of or now, calendar, calendar.policy)
    sums = {name: {"$sum": counter(at.now)} for name, counter in ALL_COUNTERS.items()}
    written = _WRITTEN.get(question.group_by)
    first = {_FIRST: {"$min": {"at": "$assigned_at", "text": f"${written}"}}} if written else {}
    shown: list[dict[str, Any]] = [{"$set": {"_id": f"${_FIRST}.text"}}, {"$unset": _FIRST}] if written else []
    return [
        {"$match": matching(question, calendar)},
        {"$project": {"_id": False, **dict.fromkeys(COUNTED_FIELDS, True)}},
        {"$set": {TIMELINESS: timeliness_expression(at)}},
        {"$group": {"_id": _key(question, calendar.policy.timezone), **first, **sums}},
        *shown,
        {"$sort": {"_id": 1}},
    ]


def matching(question: Question, calendar: WorkCalendar) -> dict[str, Any]:
    """Return the filter for the versions that were valid at the moment, of tasks in the period and in sight."""
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
    if question.group_by in _WRITTEN:
        written = _WRITTEN[question.group_by]
        # Versions of an earlier time have no key until it is filled in; so long they stand apart.
        return {"$ifNull": [f"$same.{written}", f"${written}"]}
    return f"${_GROUPED_FIELD[question.group_by]}"
