"""A summary: one row for each group, and their total. There may be 100,000 rows, so they are made in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One group: its key (None for tasks without one), its name, and the figure of each counter."""

    key: str | None
    name: str | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """The rows by key, the one without a key last; `as_of` is the moment they were drawn for."""

    rows: tuple[Row, ...]
    total: Row
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Drawing:
    """A summary that is being drawn. Its rows come in pieces, in the order of a summary; they can be read once."""

    pieces: AsyncIterator[Sequence[Row]]
    as_of: datetime
    counters: Collection[str]


def rows_of(groups: Iterable[Mapping[str, object]], counters: Iterable[str], names: Mapping[str, str]) -> list[Row]:
    """Make rows of counted groups; a key without a known name is shown as its own name."""
    return [_row(group, counters, names) for group in groups]


def _row(group: Mapping[str, object], counters: Iterable[str], names: Mapping[str, str]) -> Row:
    key = None if group["_id"] is None else str(group["_id"])
    name = None if key is None else names.get(key, key)
    return Row(key, name, {counter: _number(group[counter]) for counter in counters})


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a figure is a whole number, not {type(value).__name__}")
    return value


def total_of(rows: Iterable[Row], counters: Iterable[str]) -> Row:
    """Add rows up."""
    counts = dict.fromkeys(counters, 0)
    for row in rows:
        for counter, figure in row.counts.items():
            counts[counter] += figure
    return Row(None, None, counts)
