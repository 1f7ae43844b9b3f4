"""Working days, and the moments at which terms end: weekends, public holidays, make-up days, the office's own entries.

Civil Code 2015: the starting day is not counted (Art. 147); a term ends at the end of its last day, and one whose
last day is a day off ends on the next working day (Art. 148).
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import holidays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.office.policy import Policy

STARTING_DAY: Final = "ngày bắt đầu, không tính"
WORKING_DAY: Final = "ngày làm việc"
MAKE_UP_DAY: Final = "ngày làm bù"
_WEEKEND: Final = {5: "thứ Bảy", 6: "Chủ nhật"}
_DAY: Final = timedelta(days=1)
_MOST_DAYS: Final = 40_000
"""How many judged days are kept: those of a century."""
_LAST_MILLISECOND: Final = time(23, 59, 59, 999_000)

# Days that official notices moved and the `holidays` package does not know. The office's own entries win over them.
# Friday 2 January 2026 against Saturday 10 January 2026: notice 12729/VPCP-KGVX of 25 December 2025.
NOTICED_DAYS_OFF: Final[Mapping[date, str]] = MappingProxyType(
    {date(2026, 1, 2): "Ngày nghỉ (thay cho ngày 10/01/2026)"},
)
NOTICED_MAKE_UP_DAYS: Final[Mapping[date, str]] = MappingProxyType({date(2026, 1, 10): MAKE_UP_DAY})


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A day of a term, whether the term counts it, and why or why not, in Vietnamese."""

    date: date
    counted: bool
    reason: str


@dataclass(frozen=True)
class WorkCalendar:
    """The office's calendar: Vietnam's public holidays, and the office's own days off and make-up days, which win.

    `days_off` and `make_up_days` give the reason for each day. No setting provides the office's own days yet.

    Raises:
        ValueError: an own entry makes one day both a day off and a make-up day.

    """

    policy: Policy
    days_off: Mapping[date, str] = field(default_factory=dict)
    make_up_days: Mapping[date, str] = field(default_factory=dict)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _years: dict[int, Sequence[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        both = self.days_off.keys() & self.make_up_days.keys()
        if both:
            raise ValueError(f"both a day off and a make-up day: {', '.join(map(str, sorted(both)))}")
        object.__setattr__(self, "_zone", ZoneInfo(self.policy.timezone))

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()

    def start_of_day(self, day: date, hour: int = 0) -> datetime:
        """Return the moment, in UTC, of an hour of the local day."""
        return datetime.combine(day, time(hour), self._zone).astimezone(UTC)

    def end_of_day(self, day: date) -> datetime:
        """Return the last millisecond of the local day, in UTC (Art. 148: a term ends at the end of its last day)."""
        return datetime.combine(day, _LAST_MILLISECOND, self._zone).astimezone(UTC)

    def is_working_day(self, day: date) -> bool:
        return self._judge(day)[0]

    def add_working_days(self, start: date, n: int) -> date:
        """Return the nth working day after `start`, which is not counted itself (Art. 147); `start` for none."""
        day = start
        while n > 0:
            day += _DAY
            n -= self.is_working_day(day)
        return day

    def subtract_working_days(self, end: date, n: int) -> date:
        """Return the nth working day before `end`, which is not counted itself; `end` for none."""
        day = end
        while n > 0:
            day -= _DAY
            n -= self.is_working_day(day)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and with `end`; none if it ends before it starts.

        Each year is counted once, so a page of tasks that are due in years costs little.
        """
        if end <= start:
            return 0
        whole_years = sum(self._year(year)[-1] for year in range(start.year, end.year))
        return whole_years + self._since_new_year(end) - self._since_new_year(start)

    def roll(self, day: date) -> date:
        """Move a day off to the next working day, where the policy says so (Art. 148)."""
        while self.policy.rolls_over_days_off and not self.is_working_day(day):
            day += _DAY
        return day

    def due_moment(self, day: date) -> datetime:
        """Return when a deadline written as this day ends."""
        return self.end_of_day(self.roll(day))

    def term_ends(self, moment: datetime, n: int) -> datetime:
        """Return the end of the nth working day after the local day of `moment`."""
        return self.end_of_day(self.add_working_days(self.local_day(moment), n))

    def count(self, start: date, end: date) -> list[CountedDay]:
        """Show a term day by day, from its starting day to its last; nothing if it ends before it starts."""
        if end < start:
            return []
        return [CountedDay(start, counted=False, reason=STARTING_DAY), *map(self._counted, _days_after(start, end))]

    def _since_new_year(self, day: date) -> int:
        """Count the working days of a year up to and with a day of it."""
        return self._year(day.year)[day.toordinal() - date(day.year, 1, 1).toordinal() + 1]

    def _year(self, year: int) -> Sequence[int]:
        """Return how many working days the first n days of a year have, for each n from 0 to the whole year."""
        counted = self._years.get(year)
        if counted is None:
            days = (date(year, 1, 1) + n * _DAY for n in range(366 if isleap(year) else 365))
            counted = self._years[year] = (0, *accumulate(map(self.is_working_day, days)))
        return counted

    def _counted(self, day: date) -> CountedDay:
        working, reason = self._judge(day)
        return CountedDay(day, working, reason)

    def _judge(self, day: date) -> tuple[bool, str]:
        if day in self.make_up_days:
            return True, self.make_up_days[day]
        if day in self.days_off:
            return False, self.days_off[day]
        return _judge_by_law(day)


@lru_cache(maxsize=_MOST_DAYS)
def _judge_by_law(day: date) -> tuple[bool, str]:
    public = _public_calendar(day.year)
    if day in public.make_up_days:
        return True, public.make_up_days[day]
    if day in public.days_off:
        return False, public.days_off[day]
    weekend = _WEEKEND.get(day.weekday())
    return weekend is None, weekend or WORKING_DAY


@dataclass(frozen=True, slots=True)
class _PublicCalendar:
    days_off: Mapping[date, str]
    make_up_days: Mapping[date, str]


@cache
def _public_calendar(year: int) -> _PublicCalendar:
    """Return a year's public holidays and make-up days, with those a neighbouring year's swap put into it."""
    known = holidays.country_holidays("VN", years=range(year - 1, year + 2), expand=False, language="vi")
    return _PublicCalendar(
        days_off={**known, **NOTICED_DAYS_OFF},
        make_up_days={**dict.fromkeys(known.weekend_workdays, MAKE_UP_DAY), **NOTICED_MAKE_UP_DAYS},
    )


def _days_after(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
