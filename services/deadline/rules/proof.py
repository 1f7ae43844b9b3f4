"""The proof of a deadline: its term counted day by day and, if it is very long, from then on by months."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.office.workdays import CountedDay, WorkCalendar

MOST_DAYS: Final = 1_000
"""How many days are shown one by one."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CountedMonth:
    """The days of a term in one month (`YYYY-MM`): how many it counts, and how many are days off."""

    month: str
    working_days: int
    days_off: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The first days of a term; `months` goes on after the last of them, and is usually empty."""

    days: Sequence[CountedDay] = ()
    months: Sequence[CountedMonth] = ()


def proof_of(calendar: WorkCalendar, start: date, end: date) -> Proof:
    """Count a term from its starting day to its last; nothing if it ends before it starts."""
    last_shown = min(end, start + (MOST_DAYS - 1) * _DAY)
    return Proof(calendar.count(start, last_shown), tuple(_months_after(calendar, last_shown, end)))


def _months_after(calendar: WorkCalendar, day: date, end: date) -> Iterator[CountedMonth]:
    while day < end:
        last = min(end, _last_of_month(day + _DAY))
        working = calendar.working_days_between(day, last)
        yield CountedMonth(f"{last:%Y-%m}", working, (last - day).days - working)
        day = last


def _last_of_month(day: date) -> date:
    return (day.replace(day=1) + 31 * _DAY).replace(day=1) - _DAY
