"""A list as a query: the filters, the index that bounds it, and the ranges of this index that are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pymongo import DESCENDING

from services.assignment.tasks.store.list_indexes import (
    ALL,
    BY_CHANGE,
    BY_DUE,
    CONDITIONS,
    NARROWED_BY,
    OPEN,
    ORDERS,
    SUBSETS,
    Order,
    Sort,
    Subset,
    index,
)
from shared.office.access import SIGHT, Sight, sight_filter
from shared.office.sameness import same_number_key, same_text_key
from shared.office.timeliness import NO_DUE, timeliness_filters
from shared.office.vocabulary import Stage, Timeliness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.mongo import Record
    from shared.office.access import Principal
    from shared.office.timeliness import Horizon
    from shared.office.workdays import WorkCalendar
    from shared.web.pages import Position

_FEW_DAYS: Final = timedelta(days=31)
"""How many days of due moments are rather read whole and sorted than looked for in another order."""
_RECENT: Final = timedelta(days=2)
"""How far back the changes are rather read whole and sorted."""
_SMALL: Final = frozenset({"waiting", "same.document", "officer"})
_SOON: Final = frozenset({Timeliness.DUE_TODAY, Timeliness.DUE_SOON})


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A list: who asks for what, at which moment, in which order."""

    principal: Principal
    filters: Filters
    sort: Sort
    horizon: Horizon
    calendar: WorkCalendar


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The ranges that are read, one filter a range, of the index with this name; and the order of the answer."""

    ranges: Sequence[Record]
    index: str
    order: Sequence[tuple[str, int]]


def list_query(asked: Asked, after: Position | None) -> ListQuery:
    """Return the query of the page after a position. It has no range if no task can be on the page."""
    order, stages, equal = ORDERS[asked.sort], _stages(asked), _equal(asked)
    read = _index_read(asked, equal, stages)
    held = [CONDITIONS[read.subset]] if read.subset else []
    always = [*equal, *held, *_between(asked)]
    kinds = _each(stages) if read.narrowed_by is ALL else _any(stages)
    places = _places(order, after) if read.order is order else [_beyond(order, after)]
    ranges = [{"$and": [*always, *filter(None, (kind, place))]} for kind in kinds for place in places]
    return ListQuery(ranges, index(*read).full_name, order.keys)


# What the tasks have in common


def _stages(asked: Asked) -> Mapping[Stage, Record]:
    """Return the stages that the tasks may have, each with what else must be true of them."""
    if SIGHT[asked.principal.role] is Sight.NONE:
        return {}
    stage, timeliness = asked.filters.stage, asked.filters.timeliness
    found = timeliness_filters(timeliness, asked.horizon) if timeliness else {each: {} for each in Stage}
    return {each: condition for each, condition in found.items() if stage in {None, each}}


def _equal(asked: Asked) -> list[Record]:
    filters = asked.filters
    wanted = {
        "waiting": filters.waiting,
        "same.document": same_number_key(filters.document) if filters.document else None,
        "officer": filters.officer,
        "same.field": same_text_key(filters.field) if filters.field else None,
        "assigner": filters.assigner,
    }
    sight = sight_filter(asked.principal)
    named = [{name: value} for name, value in wanted.items() if value is not None]
    return [*([sight] if sight else []), *_agencies(filters), *named]


def _agencies(filters: Filters) -> list[Record]:
    """Also name the agency under `agencies`, which has every relation of an agency to a task."""
    lead, coordinating = filters.lead_agency, filters.coordinating_agency
    return [
        *([{"agencies": lead, "lead_agency": lead}] if lead else []),
        *([{"agencies": coordinating, "coordinating_agencies": coordinating}] if coordinating else []),
    ]


def _between(asked: Asked) -> list[Record]:
    """Return the conditions on the due moment and on the last change."""
    filters, bounds = asked.filters, {}
    if filters.due_from is not None:
        bounds = {"$gte": asked.calendar.start_of_day(filters.due_from), "$lt": NO_DUE}
    if filters.due_to is not None:
        bounds["$lte"] = asked.calendar.end_of_day(filters.due_to)
    since = filters.updated_since
    return [*([{"due_order": bounds}] if bounds else []), *([{"updated_at": {"$gte": since}}] if since else [])]


def _each(stages: Mapping[Stage, Record]) -> list[Record]:
    """Return a range for each stage: the index begins with it."""
    return [{"stage": stage, **condition} for stage, condition in stages.items()]


def _any(stages: Mapping[Stage, Record]) -> list[Record]:
    """Return one range for all stages; none if there is no stage."""
    conditions = [*stages.values()]
    if conditions.count({}) == len(Stage):
        return [{}]
    if conditions and conditions.count(conditions[0]) == len(conditions):
        return [{"stage": {"$in": [*stages]}, **conditions[0]}]
    return [{"stage": {"$in": [*stages]}, "$or": _each(stages)}] if stages else []


# Which index bounds them


class Read(NamedTuple):
    """The index that is read, by what made it."""

    narrowed_by: str | None
    order: Order
    subset: Subset | None = None


def _index_read(asked: Asked, equal: Sequence[Record], stages: Mapping[Stage, Record]) -> Read:
    named = {field for condition in equal for field in condition}
    narrow = next((field for field in NARROWED_BY if field in named), ALL)
    if _changed_lately(asked) and narrow not in _SMALL:
        return Read(ALL, BY_CHANGE)
    order = BY_DUE if asked.filters.timeliness in _SOON or _are_few_days(asked) else ORDERS[asked.sort]
    subset = _subset(asked, stages)
    if narrow not in _SMALL and subset is not None:
        narrow = "agencies" if "agencies" in named else ALL
    return Read(narrow, order, subset if subset in SUBSETS.get(narrow, ()) else None)


def _subset(asked: Asked, stages: Mapping[Stage, Record]) -> Subset | None:
    if asked.filters.timeliness is Timeliness.COMPLETED_LATE:
        return Subset.MISSED
    if stages.keys() <= OPEN:
        return Subset.OPEN
    return Subset.RECALLED if stages.keys() == {Stage.RECALLED} else None


def _changed_lately(asked: Asked) -> bool:
    since = asked.filters.updated_since
    return since is not None and since >= asked.horizon.now - _RECENT


def _are_few_days(asked: Asked) -> bool:
    """Whether the due moments are of a few days. Few tasks are due later than today."""
    first, last = asked.filters.due_from, asked.filters.due_to
    if first is None:
        return False
    return (last or asked.calendar.local_day(asked.horizon.now)) - first <= _FEW_DAYS


# What comes after a position


def _past(order: Order) -> str:
    return "$lt" if order.direction == DESCENDING else "$gt"


def _places(order: Order, after: Position | None) -> list[dict[str, Any]]:
    """Return the ranges after a position. The id tells tasks of equal moments apart."""
    if after is None:
        return [{}]
    past = _past(order)
    return [{order.field: {past: after.value}}, {order.field: after.value, "_id": {past: after.id}}]


def _beyond(order: Order, after: Position | None) -> dict[str, Any]:
    """Return the same as a condition. For the two parts of an `$or`, MongoDB would read the index twice."""
    return {"$nor": [{"$nor": _places(order, after)}]} if after else {}
