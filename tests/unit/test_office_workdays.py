"""Working days, written out by hand from the notices and held by properties over the whole span of years."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.office.policy import Policy
from shared.office.workdays import CountedDay, WorkCalendar

CALENDAR = WorkCalendar(Policy())
days = st.dates(date(2010, 1, 1), date(2100, 12, 31))
moments = st.datetimes(datetime(2010, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
terms = st.integers(0, 60)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 23), True),
        (date(2026, 11, 24), False),  # Vietnam Culture Day
        (date(2026, 11, 28), False),  # a Saturday
        (date(2026, 11, 29), False),  # a Sunday
        (date(2024, 4, 29), False),
        (date(2024, 5, 4), True),
        (date(2025, 5, 2), False),
        (date(2025, 4, 26), True),
        (date(2026, 8, 31), False),
        (date(2026, 8, 22), True),
        (date(2026, 1, 2), False),
        (date(2026, 1, 10), True),
        (date(2015, 1, 2), False),
        (date(2014, 12, 27), True),  # made up in the year before
        (date(2026, 4, 26), False),  # the Kings' day falls on a Sunday
        (date(2026, 4, 27), False),  # and is made good on Monday
    ],
)
def test_the_calendar_agrees_with_the_notices(day: date, works: bool) -> None:
    assert CALENDAR.is_working_day(day) is works


@pytest.mark.parametrize("year", [1900, 2010, 2100, 2101, 9000])
def test_every_year_can_be_asked(year: int) -> None:
    assert CALENDAR.add_working_days(date(year, 1, 1), 5) > date(year, 1, 5)


def test_own_entries_win_over_law_and_notice() -> None:
    calendar = WorkCalendar(
        Policy(),
        days_off={date(2026, 11, 25): "Ngày truyền thống của tỉnh", date(2026, 1, 10): "nghỉ"},
        make_up_days={date(2026, 11, 24): "ngày làm bù", date(2026, 1, 2): "ngày làm bù"},
    )
    worked = [day for day in (24, 25, 26) if calendar.is_working_day(date(2026, 11, day))]
    assert worked == [24, 26]
    assert calendar.is_working_day(date(2026, 1, 2))
    assert not calendar.is_working_day(date(2026, 1, 10))


def test_a_day_is_never_both_off_and_made_up() -> None:
    day = date(2026, 11, 25)
    with pytest.raises(ValueError, match="2026-11-25"):
        WorkCalendar(Policy(), days_off={day: "nghỉ"}, make_up_days={day: "ngày làm bù"})


def test_a_term_is_shown_day_by_day_with_its_reasons() -> None:
    assert CALENDAR.count(date(2025, 12, 31), date(2026, 1, 5)) == [
        CountedDay(date(2025, 12, 31), counted=False, reason="ngày bắt đầu, không tính"),
        CountedDay(date(2026, 1, 1), counted=False, reason="Tết Dương lịch"),
        CountedDay(date(2026, 1, 2), counted=False, reason="Ngày nghỉ (thay cho ngày 10/01/2026)"),
        CountedDay(date(2026, 1, 3), counted=False, reason="thứ Bảy"),
        CountedDay(date(2026, 1, 4), counted=False, reason="Chủ nhật"),
        CountedDay(date(2026, 1, 5), counted=True, reason="ngày làm việc"),
    ]
    assert CALENDAR.count(date(2026, 1, 9), date(2026, 1, 10))[-1].reason == "ngày làm bù"


def test_own_entries_give_their_own_reason() -> None:
    calendar = WorkCalendar(Policy(), days_off={date(2026, 11, 25): "Ngày truyền thống của tỉnh"})
    shown = calendar.count(date(2026, 11, 24), date(2026, 11, 25))
    assert shown[-1] == CountedDay(date(2026, 11, 25), counted=False, reason="Ngày truyền thống của tỉnh")


def test_a_day_ends_with_its_last_local_millisecond() -> None:
    assert CALENDAR.end_of_day(date(2026, 11, 24)) == datetime(2026, 11, 24, 16, 59, 59, 999_000, tzinfo=UTC)
    assert CALENDAR.start_of_day(date(2026, 11, 24), 7) == datetime(2026, 11, 24, tzinfo=UTC)


def test_midnight_in_ha_noi_divides_the_days() -> None:
    assert CALENDAR.local_day(datetime(2026, 11, 24, 16, 59, 59, 999_000, tzinfo=UTC)) == date(2026, 11, 24)
    assert CALENDAR.local_day(datetime(2026, 11, 24, 17, tzinfo=UTC)) == date(2026, 11, 25)


def test_a_deadline_on_a_day_off_rolls_only_where_the_policy_says_so() -> None:
    saturday, monday = date(2026, 11, 28), date(2026, 11, 30)
    assert CALENDAR.due_moment(saturday) == CALENDAR.end_of_day(monday)
    strict = WorkCalendar(Policy(rolls_over_days_off=False))
    assert strict.due_moment(saturday) == strict.end_of_day(saturday)


def test_a_term_of_three_working_days_skips_a_holiday_and_a_weekend() -> None:
    friday_night = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert CALENDAR.term_ends(friday_night, 3) == CALENDAR.end_of_day(date(2026, 11, 26))


@given(days, terms)
def test_adding_then_counting_gives_the_same_number(start: date, n: int) -> None:
    assert CALENDAR.working_days_between(start, CALENDAR.add_working_days(start, n)) == n


@given(days, days)
def test_working_days_are_counted_by_years_as_day_by_day(start: date, end: date) -> None:
    by_day = sum(CALENDAR.is_working_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))
    assert CALENDAR.working_days_between(start, end) == by_day


def test_own_entries_count_in_the_years_too() -> None:
    own = WorkCalendar(Policy(), days_off={date(2027, 3, 3): "nghỉ"}, make_up_days={date(2027, 3, 6): "ngày làm bù"})
    assert CALENDAR.working_days_between(date(2026, 12, 31), date(2027, 3, 3)) == 1 + own.working_days_between(
        date(2026, 12, 31), date(2027, 3, 3)
    )
    assert own.working_days_between(date(2027, 3, 2), date(2027, 3, 6)) == 3


@given(days, st.integers(1, 60))
def test_a_term_ends_on_a_working_day_after_its_start(start: date, n: int) -> None:
    end = CALENDAR.add_working_days(start, n)
    assert end > start
    assert CALENDAR.is_working_day(end)


@given(days, st.integers(1, 60))
def test_subtracting_is_the_mirror_of_adding(end: date, n: int) -> None:
    start = CALENDAR.subtract_working_days(end, n)
    assert CALENDAR.is_working_day(start)
    assert CALENDAR.working_days_between(start - timedelta(days=1), end - timedelta(days=1)) == n


@given(days, terms, terms)
def test_terms_add_up(start: date, first: int, second: int) -> None:
    in_two = CALENDAR.add_working_days(CALENDAR.add_working_days(start, first), second)
    assert in_two == CALENDAR.add_working_days(start, first + second)


@given(days)
def test_rolling_moves_days_off_alone_and_only_over_days_off(day: date) -> None:
    rolled = CALENDAR.roll(day)
    assert CALENDAR.is_working_day(rolled)
    passed = [day + timedelta(days=n) for n in range((rolled - day).days)]
    assert not any(map(CALENDAR.is_working_day, passed))


@given(days, terms)
def test_the_day_by_day_count_proves_the_term(start: date, n: int) -> None:
    shown = CALENDAR.count(start, CALENDAR.add_working_days(start, n))
    assert sum(day.counted for day in shown) == n
    assert not shown[0].counted
    assert [day.date for day in shown] == [start + timedelta(days=k) for k in range(len(shown))]
    assert all(day.reason for day in shown)


@given(days)
def test_nothing_is_counted_backwards(day: date) -> None:
    assert CALENDAR.count(day, day - timedelta(days=1)) == []
    assert CALENDAR.working_days_between(day, day - timedelta(days=1)) == 0


@given(moments)
def test_every_moment_lies_within_its_own_local_day(moment: datetime) -> None:
    day = CALENDAR.local_day(moment)
    assert CALENDAR.start_of_day(day) <= moment < CALENDAR.start_of_day(day + timedelta(days=1))
    last_millisecond = CALENDAR.start_of_day(day + timedelta(days=1)) - timedelta(milliseconds=1)
    assert CALENDAR.end_of_day(day) == last_millisecond
