"""The timeliness table, row by row, and its borders."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.office.policy import Policy
from shared.office.timeliness import Horizon, horizon, timeliness, working_days_left
from shared.office.vocabulary import Stage, Timeliness
from shared.office.workdays import WorkCalendar

POLICY = Policy()
CALENDAR = WorkCalendar(POLICY)
MILLISECOND = timedelta(milliseconds=1)
OPEN = [Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS, Stage.REFUSED]

moments = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
dues = st.one_of(st.none(), moments)


def end_of(day: int) -> datetime:
    return CALENDAR.end_of_day(date(2026, 12, day))


def at(moment: datetime) -> Horizon:
    return horizon(moment, CALENDAR, POLICY)


# Monday 7 December 2026, nine in the morning in Hà Nội; 12 and 13 December are a weekend.
MONDAY = at(datetime(2026, 12, 7, 2, tzinfo=UTC))


@pytest.mark.parametrize("stage", OPEN)
@pytest.mark.parametrize(
    ("due_at", "expected"),
    [
        (None, Timeliness.NO_DEADLINE),
        (MONDAY.now - MILLISECOND, Timeliness.OVERDUE),
        (MONDAY.now, Timeliness.DUE_TODAY),
        (end_of(7), Timeliness.DUE_TODAY),
        (end_of(8), Timeliness.DUE_SOON),
        (end_of(10), Timeliness.DUE_SOON),
        (end_of(11), Timeliness.ON_TRACK),
    ],
)
def test_an_open_task_is_judged_by_what_is_left(stage: Stage, due_at: datetime | None, expected: Timeliness) -> None:
    assert timeliness(stage, due_at, None, MONDAY) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [(11, Timeliness.DUE_SOON), (13, Timeliness.DUE_SOON), (14, Timeliness.DUE_SOON), (15, Timeliness.ON_TRACK)],
)
def test_a_weekend_does_not_shorten_what_is_left(day: int, expected: Timeliness) -> None:
    wednesday = at(datetime(2026, 12, 9, 2, tzinfo=UTC))
    assert timeliness(Stage.IN_PROGRESS, end_of(day), None, wednesday) is expected


@pytest.mark.parametrize(
    ("submitted_at", "expected"),
    [(end_of(4), Timeliness.ON_TRACK), (end_of(4) + MILLISECOND, Timeliness.OVERDUE)],
)
def test_a_reported_task_waits_as_it_was_reported(submitted_at: datetime, expected: Timeliness) -> None:
    assert timeliness(Stage.REPORTED, end_of(4), submitted_at, MONDAY) is expected


@pytest.mark.parametrize(
    ("due_at", "submitted_at", "expected"),
    [
        (end_of(4), end_of(4), Timeliness.COMPLETED_ON_TIME),
        (end_of(4), end_of(4) + MILLISECOND, Timeliness.COMPLETED_LATE),
        (None, end_of(4), Timeliness.COMPLETED_ON_TIME),
    ],
)
def test_a_completed_task_is_judged_by_its_accepted_report(
    due_at: datetime | None, submitted_at: datetime, expected: Timeliness
) -> None:
    assert timeliness(Stage.COMPLETED, due_at, submitted_at, MONDAY) is expected


@given(dues, dues, moments)
def test_a_recalled_task_is_recalled_and_nothing_else(
    due_at: datetime | None, submitted_at: datetime | None, now: datetime
) -> None:
    assert timeliness(Stage.RECALLED, due_at, submitted_at, at(now)) is Timeliness.RECALLED


@given(moments, moments)
def test_an_open_task_is_overdue_exactly_after_its_due_moment(due_at: datetime, now: datetime) -> None:
    overdue = timeliness(Stage.IN_PROGRESS, due_at, None, at(now)) is Timeliness.OVERDUE
    assert overdue == (now > due_at)


@given(moments, st.integers(0, 30))
def test_due_soon_is_at_most_three_working_days_after_today(now: datetime, ahead: int) -> None:
    today = CALENDAR.local_day(now)
    due = today + timedelta(days=ahead)
    left = CALENDAR.working_days_between(today, due)
    judged = timeliness(Stage.RECEIVED, CALENDAR.end_of_day(due), None, at(now))
    assert (judged in {Timeliness.DUE_TODAY, Timeliness.DUE_SOON}) == (left <= POLICY.due_soon_days)


@given(moments, moments, st.integers(0, 10_000_000))
def test_time_alone_never_makes_an_open_task_more_timely(due_at: datetime, now: datetime, seconds: int) -> None:
    order = [Timeliness.ON_TRACK, Timeliness.DUE_SOON, Timeliness.DUE_TODAY, Timeliness.OVERDUE]
    before = timeliness(Stage.ASSIGNED, due_at, None, at(now))
    after = timeliness(Stage.ASSIGNED, due_at, None, at(now + timedelta(seconds=seconds)))
    assert order.index(before) <= order.index(after)


# Working days left

FRIDAY = datetime(2026, 11, 27, 16, 59, 59, 999_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-11-20T09:00:00+07:00", 4),  # the Tuesday between is a holiday
        ("2026-11-26T23:59:59+07:00", 1),
        ("2026-11-27T00:00:00+07:00", 0),
        ("2026-11-27T23:59:59.999+07:00", 0),
        ("2026-11-28T00:00:00+07:00", -1),  # a Saturday
        ("2026-11-30T23:00:00+07:00", -1),
        ("2026-12-01T00:00:00+07:00", -2),
    ],
)
def test_working_days_left_are_counted_without_today(now: str, left: int) -> None:
    at_hand = at(datetime.fromisoformat(now))
    value = timeliness(Stage.RECEIVED, FRIDAY, None, at_hand)
    assert working_days_left(value, FRIDAY, at_hand.now, CALENDAR) == left


@given(st.sampled_from(Stage), st.none() | moments, st.none() | moments, moments)
def test_working_days_left_are_negative_exactly_while_overdue(
    stage: Stage, due_at: datetime | None, submitted_at: datetime | None, now: datetime
) -> None:
    value = timeliness(stage, due_at, submitted_at, at(now))
    left = working_days_left(value, due_at, now, CALENDAR)
    assert (left is None) == (due_at is None or stage in {Stage.COMPLETED, Stage.RECALLED})
    assert (left is not None and left < 0) == (value is Timeliness.OVERDUE)


@given(moments, moments)
def test_due_soon_and_due_today_say_how_many_days_are_left(due_at: datetime, now: datetime) -> None:
    value = timeliness(Stage.RECEIVED, due_at, None, at(now))
    left = working_days_left(value, due_at, now, CALENDAR)
    assert left is not None
    if value is Timeliness.DUE_TODAY:
        assert left == 0
    if value is not Timeliness.OVERDUE:
        assert (left > POLICY.due_soon_days) == (value is Timeliness.ON_TRACK)
