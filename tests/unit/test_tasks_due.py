"""How far ahead a deadline may lie: ten years, to the day."""

from __future__ import annotations

from datetime import date

import pytest

from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.due import RequestedDeadline, resolve_deadline
from shared.office.access import Principal
from shared.office.labels import Language
from shared.office.policy import Policy
from shared.office.refusal import Refusal
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar
from shared.web.field_texts import field_text
from tests.support.clock import local


def context_at(moment: str) -> Context:
    return Context(
        now=local(moment), calendar=WorkCalendar(Policy()), policy=Policy(), caller=Principal("leader", Role.LEADER)
    )


def is_taken(asked: RequestedDeadline, at: str) -> bool:
    try:
        resolve_deadline(asked, context_at(at), "deadline")
    except Refusal as refusal:
        return "too-far" not in {one.code for one in refusal.violations}
    return True


@pytest.mark.parametrize(
    ("today", "last", "first_refused"),
    [
        ("2026-10-05", "2036-10-05", "2036-10-06"),
        ("2028-02-28", "2038-02-28", "2038-03-01"),
        ("2028-02-29", "2038-03-01", "2038-03-02"),
        ("2026-12-31", "2036-12-31", "2037-01-01"),
    ],
)
def test_the_last_day_is_the_same_day_ten_years_on(today: str, last: str, first_refused: str) -> None:
    for hour in ("T00:00:00", "T23:59:59"):
        assert is_taken(RequestedDeadline(date.fromisoformat(last)), today + hour)
        assert is_taken(RequestedDeadline(moment=local(f"{last}T23:59:59")), today + hour)
        assert not is_taken(RequestedDeadline(date.fromisoformat(first_refused)), today + hour)
        assert not is_taken(RequestedDeadline(moment=local(f"{first_refused}T00:00:00")), today + hour)


def test_a_deadline_on_a_day_off_may_roll_beyond_ten_years() -> None:
    resolved = resolve_deadline(RequestedDeadline(date(2036, 10, 5)), context_at("2026-10-05T09:00:00"), "deadline")
    assert (resolved.day, resolved.due_at) == ("2036-10-05", local("2036-10-06T23:59:59.999"))


def test_the_text_names_the_last_day_that_is_taken() -> None:
    with pytest.raises(Refusal) as caught:
        resolve_deadline(RequestedDeadline(date(2100, 1, 1)), context_at("2026-10-05T09:00:00"), "deadline")
    (wrong,) = caught.value.violations
    for language in Language:
        assert "2036-10-05" in field_text(wrong.code, language, wrong.bounds)
