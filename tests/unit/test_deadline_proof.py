"""The proof of a deadline: day by day, and a very long one by months."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby

import pytest

from services.deadline.rules.proof import MOST_DAYS, CountedMonth, proof_of
from shared.office.policy import Policy
from shared.office.workdays import WorkCalendar

CALENDAR = WorkCalendar(
    Policy(),
    days_off={date(2030, 7, 15): "Nghỉ"},
    make_up_days={date(2030, 7, 20): "Làm bù", date(2031, 1, 5): "Làm bù"},
)
START = date(2026, 11, 30)


@pytest.mark.parametrize("length", [-5, 0, 1, 30, MOST_DAYS - 2, MOST_DAYS - 1])
def test_a_term_of_up_to_a_thousand_days_is_shown_day_by_day(length: int) -> None:
    end = START + timedelta(days=length)
    proof = proof_of(CALENDAR, START, end)
    assert proof.days == CALENDAR.count(START, end)
    assert proof.months == ()


@pytest.mark.parametrize("end", [START + timedelta(days=n) for n in (1_000, 1_001, 1_030, 1_100, 1_700, 3_653)])
def test_what_is_beyond_is_counted_by_months_and_nothing_is_left_out(end: date) -> None:
    proof, whole = proof_of(CALENDAR, START, end), CALENDAR.count(START, end)
    assert proof.days == whole[:MOST_DAYS]
    by_month = groupby(whole[MOST_DAYS:], key=lambda day: f"{day.date:%Y-%m}")
    counted = {month: [day.counted for day in days] for month, days in by_month}
    assert list(proof.months) == [
        CountedMonth(month, sum(days), len(days) - sum(days)) for month, days in counted.items()
    ]


def test_a_term_that_ends_in_2100_is_still_counted_to_its_last_day() -> None:
    end = date(2100, 12, 31)
    proof = proof_of(CALENDAR, START, end)
    assert (len(proof.days), proof.months[-1].month) == (MOST_DAYS, "2100-12")
    working = sum(day.counted for day in proof.days) + sum(month.working_days for month in proof.months)
    assert working == CALENDAR.working_days_between(START, end)
