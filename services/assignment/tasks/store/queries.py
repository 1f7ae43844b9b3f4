"""A list as a query: the index that bounds it, and the ranges of this index that are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pymongo import DESCENDING

from services.assignment.tasks.store.filters import conditions, narrowings, stages, subset, unbounded
from services.assignment.tasks.store.list_indexes import (
    ALL,
    BY_CHANGE,
    BY_COMPLETION,
    BY_DUE,
    CONDITIONS,
    NEWEST,
    ORDERS,
    SUBSETS,
    Order,
    Subset,
    index,
    is_kept,
)
from shared.office.vocabulary import Stage, Timeliness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.assignment.tasks.store.filters import Asked, Narrowing
    from shared.mongo import Record
    from shared.web.pages import Position

_FEW_DAYS: Final = timedelta(days=31)
"""How many days of moments are rather read whole and sorted than looked for in another order."""
_RECENT: Final = timedelta(days=2)
"""How far back the changes are rather read whole and sorted."""
_SOON: Final = frozenset({Timeliness.DUE_TODAY, Timeliness.DUE_SOON})


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The ranges that are read, one filter a range, of the index with this name; and the order of the answer."""

    ranges: Sequence[Record]
    index: str
    order: Sequence[tuple[str, int]]


def uncertain(asked: Asked) -> Sequence[Narrowing]:
    """Return what narrows the list, if only a count can tell whether the index without it would be read for long."""
    found = narrowings(asked)
    if not stages(asked) or any(each.is_small for each in found):
        return []
    if subset(asked) is Subset.OPEN:
        return [each for each in found if each.field == "words"]
    return [] if _is_served(asked, found) else found


def list_query(asked: Asked, after: Position | None, few: Narrowing | None = None) -> ListQuery:
    """Return the query of the page after a position. It has no range if no task can be on the page.

    `few` is what so few tasks have that they are read whole and sorted.
    """
    order, kept = ORDERS[asked.sort], stages(asked)
    read = Read(few.field, NEWEST, bound=few.condition) if few else _index_read(asked, narrowings(asked))
    held = [CONDITIONS[read.subset]] if read.subset else []
    bound = [read.bound] if read.bound else []
    always = [*bound, *conditions(asked), *held]
    kinds = _each(kept) if read.narrowed_by is ALL else _any(kept)
    in_order = few is None and read.order.field == order.field
    places = _places(order, after) if in_order else [_beyond(order, after)]
    ranges = [{"$and": [*always, *filter(None, (kind, place))]} for kind in kinds for place in places]
    return ListQuery(ranges, index(read.narrowed_by, read.order, read.subset).full_name, order.keys)


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
    """The index that is read, by what made it; and the condition that bounds it, if it is not among the others."""

    narrowed_by: str | None
    order: Order
    subset: Subset | None = None
    bound: Record | None = None


def _index_read(asked: Asked, found: Sequence[Narrowing]) -> Read:
    order, held = _order_read(asked), subset(asked)
    if found and found[0].is_small:
        return _small(found[0], order, held)
    scope = "agencies" if _is_of_an_agency(asked, found) else ALL
    bound = next((each.condition for each in found if each.field == scope), None)
    kept = held if held in SUBSETS[scope] else None
    if held and is_kept(scope, order, kept):
        return Read(scope, order, kept, bound)
    if held in {Subset.OPEN, Subset.RECALLED}:
        return Read(scope, NEWEST, kept, bound)
    in_order = (each for each in found if each.is_one_value and is_kept(each.field, order))
    narrowest = next(in_order, None)
    return Read(narrowest.field, order, bound=narrowest.condition) if narrowest else Read(scope, order)


def _small(narrowing: Narrowing, order: Order, held: Subset | None) -> Read:
    """Read the few tasks of a value, in their order if an index has it."""
    kept = held if held in SUBSETS.get(narrowing.field, ()) else None
    in_order = order if is_kept(narrowing.field, order, kept) else NEWEST
    return Read(narrowing.field, in_order, kept, narrowing.condition)


def _is_of_an_agency(asked: Asked, found: Sequence[Narrowing]) -> bool:
    """Whether all the tasks are of one agency, whatever it has to do with them."""
    named = asked.filters.lead_agency or asked.filters.coordinating_agency
    return named is not None or any(each.field == "agencies" for each in found)


def _is_served(asked: Asked, found: Sequence[Narrowing]) -> bool:
    """Whether one index holds just these tasks in just this order."""
    read, order = _index_read(asked, found), ORDERS[asked.sort]
    narrowed = [each for each in found if read.subset is not Subset.MISSED or each.condition != {"marks": "missed"}]
    return read.order.field == order.field and all(each.condition == read.bound for each in narrowed)


def _order_read(asked: Asked) -> Order:
    """Return the order of the index that is read: the list's own, but for a few days of another moment."""
    filters = asked.filters
    if filters.updated_since is not None and filters.updated_since >= asked.horizon.now - _RECENT:
        return BY_CHANGE
    if filters.timeliness in _SOON or _are_few(asked, filters.due_from, filters.due_to):
        return BY_DUE
    if _are_few(asked, filters.assigned_from, filters.assigned_to):
        return NEWEST
    return BY_COMPLETION if _are_few(asked, filters.completed_from, filters.completed_to) else ORDERS[asked.sort]


def _are_few(asked: Asked, first: date | None, last: date | None) -> bool:
    """Whether the moments are of a few days. Few are later than today."""
    if first is None:
        return False
    return (last or asked.calendar.local_day(asked.horizon.now)) - first <= _FEW_DAYS


# What comes after a position


def _places(order: Order, after: Position | None) -> list[dict[str, Any]]:
    """Return the ranges after a position. The id tells tasks of equal moments apart.

    Tasks that have no moment, as only completed ones have a moment of completion, are the last.
    """
    if after is None:
        return [{}]
    past = "$lt" if order.direction == DESCENDING else "$gt"
    equal: Record = {order.field: after.value, "_id": {past: after.id}}
    if after.value is None:
        return [equal]
    without = [{order.field: None}] if order.field == BY_COMPLETION.field else []
    return [{order.field: {past: after.value}}, equal, *without]


def _beyond(order: Order, after: Position | None) -> dict[str, Any]:
    """Return the same as a condition. For the parts of an `$or`, MongoDB would read the index once for each."""
    return unbounded({"$or": _places(order, after)}) if after else {}
