"""The indexes of lists of tasks: what narrows a list, then its order, then the id.

Closed tasks grow without end, open ones do not. What is asked of open tasks is therefore bounded by an index that holds
no closed one: a partial index, or a range of the index that begins with the stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from pymongo import ASCENDING, DESCENDING

from shared.mongo import Index
from shared.office.timeliness import MISSED
from shared.office.vocabulary import CLOSED, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.mongo import Record

COLLECTION: Final = "tasks"
Sort = Literal["-assigned_at", "assigned_at", "due_at", "-due_at", "-updated_at", "-completed_at"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of tasks. Indexes of all tasks hold the fields `beside` it too: their keys can be sorted by these."""

    field: str
    direction: int
    beside: tuple[str, ...]

    @property
    def keys(self) -> list[tuple[str, int]]:
        """The field and the id, which makes the order total."""
        return [(self.field, self.direction), ("_id", self.direction)]

    def backwards(self) -> Order:
        """Return the order in which the same index is read from its end."""
        return replace(self, direction=-self.direction)


NEWEST: Final = Order("assigned_at", DESCENDING, ("due_order",))
BY_DUE: Final = Order("due_order", ASCENDING, ("assigned_at",))
BY_CHANGE: Final = Order("updated_at", DESCENDING, ("assigned_at", "due_order"))
BY_COMPLETION: Final = Order("completed_at", DESCENDING, ("assigned_at", "due_order"))
ORDERS: Final[Mapping[Sort, Order]] = MappingProxyType(
    {
        "-assigned_at": NEWEST,
        "assigned_at": NEWEST.backwards(),
        "due_at": BY_DUE,
        "-due_at": BY_DUE.backwards(),
        "-updated_at": BY_CHANGE,
        "-completed_at": BY_COMPLETION,
    }
)
KEPT: Final = (NEWEST, BY_DUE, BY_CHANGE, BY_COMPLETION)
"""The orders in which indexes hold tasks."""

OPEN: Final = frozenset(Stage) - CLOSED
ALL: Final = None
"""What narrows the lists of everybody's tasks. Their indexes begin with the stage instead."""
NARROWED_BY: Final = (
    "waiting",
    "same.document",
    "officer",
    "coordinating_agencies",
    "lead_agency",
    "same.field",
    "marks",
    "agencies",
    "assigner",
)
"""The fields that narrow lists. Those with the fewest tasks a value come first."""
IN_EVERY_ORDER: Final = frozenset({ALL, "agencies", "officer"})
"""What people see of the tasks: all, those of an agency, those handed to them. The others are kept in two orders."""
A_TEXT: Final[Record] = {"$gt": ""}
"""Matches any text. MongoDB does not use a partial index on `$type` for a query that asks for one text."""
_MANY_LACK: Final = frozenset({"waiting", "same.document", "officer", "coordinating_agencies", "same.field", "marks"})


class Subset(StrEnum):
    """The tasks of which there are partial indexes."""

    OPEN = "open"
    RECALLED = "recalled"
    MISSED = "missed"


CONDITIONS: Final[Mapping[Subset, Record]] = MappingProxyType(
    {
        Subset.OPEN: {"stage": {"$in": sorted(OPEN)}},
        Subset.RECALLED: {"stage": Stage.RECALLED.value},
        Subset.MISSED: MISSED,
    }
)
SUBSETS: Final[Mapping[str | None, tuple[Subset, ...]]] = MappingProxyType(
    {"officer": (Subset.OPEN,), "agencies": tuple(Subset), ALL: (Subset.MISSED,)}
)
"""What has partial indexes besides whole ones."""


def index(narrowed_by: str | None, order: Order, subset: Subset | None = None) -> Index:
    """Return the index of the lists that a field narrows, or of a subset of them; it serves the order backwards too."""
    order = next(kept for kept in KEPT if kept.field == order.field)
    partial = CONDITIONS[subset] if subset else {}
    if narrowed_by is ALL:
        keys = [("stage", ASCENDING), *order.keys, *((field, ASCENDING) for field in order.beside)]
        return Index(COLLECTION, keys, partial=partial or None)
    present = {narrowed_by: A_TEXT} if narrowed_by in _MANY_LACK else {}
    return Index(COLLECTION, [(narrowed_by, ASCENDING), *order.keys], partial={**present, **partial} or None)


def is_kept(narrowed_by: str | None, order: Order, subset: Subset | None = None) -> bool:
    """Whether there is an index of the lists that a field narrows which holds them in this order, or backwards."""
    if order.field in {NEWEST.field, BY_DUE.field}:
        return subset is None or subset in SUBSETS.get(narrowed_by, ())
    return narrowed_by in IN_EVERY_ORDER and subset is None


WORDS: Final = index("words", NEWEST)
INDEXES: Final = (
    *(
        index(field, order, subset)
        for field in (ALL, *NARROWED_BY)
        for subset in (None, *Subset)
        for order in KEPT
        if is_kept(field, order, subset)
    ),
    WORDS,
)
