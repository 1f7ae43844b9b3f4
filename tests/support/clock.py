"""The time in Hà Nội, and a clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY: Final = "2026-10-05T09:00:00"
"""The local time at which most tests begin. The only days off near it are Saturdays and Sundays."""


def local(text: str) -> datetime:
    """Return the moment of a local time, `2026-10-16T23:59:59.999`."""
    return datetime.fromisoformat(text).replace(tzinfo=HANOI).astimezone(UTC)


class FakeClock:
    """A clock for a service in this process. It stands still until the test moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def set(self, text: str) -> None:
        """Set the local time."""
        self.moment = local(text)

    def advance(self, **by: float) -> None:
        """Move the time on, `advance(hours=1)`."""
        self.moment += timedelta(**by)
