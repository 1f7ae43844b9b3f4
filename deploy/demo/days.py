"""The dates of the scenario's days.

A day is a number of working days from today: -5 was five working days ago, and 3 is three working days ahead. Every
act in the past happened at 09:00 of its day.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.office.workdays import WorkCalendar

_MORNING: Final = time(9)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the scenario, in place of a date; 0 is today."""

    offset: int


@dataclass(frozen=True, slots=True)
class Morning:
    """A day of the scenario on which something was done, in place of a date; 0 is the latest of them."""

    offset: int


@dataclass(frozen=True)
class Days:
    """`today` is the local day of the present moment; `latest` is the last working day whose 09:00 has passed."""

    calendar: WorkCalendar
    today: date
    latest: date

    @classmethod
    def seen_from(cls, now: datetime, calendar: WorkCalendar) -> "Days":
        today = calendar.local_day(now)
        latest = today
        while not calendar.is_working_day(latest) or _at_nine(latest, calendar) > now:
            latest -= timedelta(days=1)
        return cls(calendar, today, latest)

    def date_of(self, offset: int) -> date:
        """Return the date of a day. Future days are counted from `today`, past days from `latest`."""
        if offset == 0:
            return self.today
        if offset > 0:
            return self.calendar.add_working_days(self.today, offset)
        return self.calendar.subtract_working_days(self.latest, -offset)

    def morning_of(self, offset: int) -> datetime:
        """Return 09:00 of a past day; for 0, 09:00 of `latest`. This moment has always passed."""
        return _at_nine(self.calendar.subtract_working_days(self.latest, -offset), self.calendar)

    def end_of(self, offset: int) -> datetime:
        """Return the last millisecond of a day, even if it is a day off."""
        return self.calendar.end_of_day(self.date_of(offset))


def _at_nine(day: date, calendar: WorkCalendar) -> datetime:
    return datetime.combine(day, _MORNING, ZoneInfo(calendar.policy.timezone))
