"""The days of the demo: always counted from today, whatever day that is."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from deploy.demo.days import Days
from shared.office.policy import Policy
from shared.office.workdays import WorkCalendar

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def days_seen_from(local_time: str) -> Days:
    now = datetime.fromisoformat(local_time).replace(tzinfo=HANOI)
    return Days.seen_from(now, WorkCalendar(Policy()))


@pytest.mark.parametrize(
    ("now", "latest"),
    [
        ("2026-11-25T09:00:00", "2026-11-25"),
        ("2026-11-25T23:59:59", "2026-11-25"),
        ("2026-11-26T08:59:59", "2026-11-25"),
        ("2026-11-29T12:00:00", "2026-11-27"),
        ("2026-11-24T12:00:00", "2026-11-23"),
    ],
    ids=["at nine", "at night", "before nine", "on a Sunday", "on a public holiday"],
)
def test_the_latest_morning_has_passed_and_was_a_working_day(now: str, latest: str) -> None:
    days = days_seen_from(now)
    assert days.latest == date.fromisoformat(latest)
    assert days.morning_of(0) == datetime.fromisoformat(f"{latest}T09:00:00").replace(tzinfo=HANOI)


def test_what_is_behind_is_counted_in_working_days_from_the_latest_morning() -> None:
    days = days_seen_from("2026-11-29T12:00:00")
    assert days.date_of(-1) == date(2026, 11, 26)
    assert days.date_of(-4) == date(2026, 11, 20), "over a week-end and a public holiday"
    assert days.morning_of(-1).date() == days.date_of(-1)


def test_what_is_ahead_is_counted_from_today_even_on_a_day_off() -> None:
    days = days_seen_from("2026-11-29T12:00:00")
    assert [days.date_of(offset).day for offset in (0, 1, 2)] == [29, 30, 1]


def test_the_end_of_today_is_today_even_on_a_day_off() -> None:
    end = days_seen_from("2026-11-29T12:00:00").end_of(0).astimezone(HANOI)
    assert (end.date(), end.hour, end.minute) == (date(2026, 11, 29), 23, 59)
