"""The filters of the task list as conditions of MongoDB. Each narrows what an index already bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from shared.office.timeliness import timeliness_filter
from shared.office.vocabulary import Stage, Timeliness

if TYPE_CHECKING:
    from shared.mongo import Record
    from shared.office.timeliness import Horizon
    from shared.office.workdays import WorkCalendar

Sort = Literal["-assigned_at", "due_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters of a request. `waiting` is a key from `rules/waiting.py`."""

    stage: Stage | None = None
    timeliness: Timeliness | None = None
    lead_agency: str | None = None
    coordinating_agency: str | None = None
    assigner: str | None = None
    officer: str | None = None
    document: str | None = None
    field: str | None = None
    due_from: date | None = None
    due_to: date | None = None
    updated_since: datetime | None = None
    waiting: str | None = None


def conditions(filters: Filters, horizon: Horizon, calendar: WorkCalendar) -> list[Record]:
    """Return the conditions of the filters, to be joined by `$and`."""
    return [
        *_plain(filters),
        *_agencies(filters),
        *_due_between(filters, calendar),
        *([timeliness_filter(filters.timeliness, horizon)] if filters.timeliness else []),
    ]


def _plain(filters: Filters) -> list[Record]:
    equal = {
        "stage": filters.stage,
        "assigner": filters.assigner,
        "officer": filters.officer,
        "document.number": filters.document,
        "field": filters.field,
        "waiting": filters.waiting,
    }
    found: list[Record] = [{name: value} for name, value in equal.items() if value is not None]
    return [*found, {"updated_at": {"$gte": filters.updated_since}}] if filters.updated_since else found


def _agencies(filters: Filters) -> list[Record]:
    """Also name the agency under `agencies`, whose index serves every relation of an agency to a task."""
    found: list[Record] = []
    if filters.lead_agency is not None:
        found.append({"agencies": filters.lead_agency, "lead_agency": filters.lead_agency})
    if filters.coordinating_agency is not None:
        code = filters.coordinating_agency
        found.append({"agencies": code, "coordinating_agencies": code})
    return found


def _due_between(filters: Filters, calendar: WorkCalendar) -> list[Record]:
    bounds: Record = {}
    if filters.due_from is not None:
        bounds["$gte"] = calendar.start_of_day(filters.due_from)
    if filters.due_to is not None:
        bounds["$lte"] = calendar.end_of_day(filters.due_to)
    return [{"due_at": bounds}] if bounds else []
