"""What becomes of a message that failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.messaging.retry import Failures, FinalFailure, next_delay

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
DELAYS = (1.0, 5.0, 30.0)


def failed(times: int) -> Failures:
    failures = Failures()
    for number in range(times):
        failures = failures.and_then(ValueError(f"no {number}"), NOW + timedelta(minutes=number))
    return failures


@pytest.mark.parametrize(("times", "delay"), [(1, 1.0), (2, 5.0), (3, 30.0), (4, None), (9, None)])
def test_each_failure_waits_for_the_next_delay_and_the_last_for_none(times: int, delay: float | None) -> None:
    assert next_delay(failed(times), DELAYS) == delay


def test_failures_travel_in_headers() -> None:
    arrived = Failures.of(failed(2).headers())
    assert (arrived.count, arrived.first_failed_at) == (2, NOW.isoformat())


def test_the_last_error_and_the_first_moment_are_told() -> None:
    headers = failed(3).dead_letter_headers()
    assert headers == {
        "dondoc-attempts": 3,
        "dondoc-first-failed-at": "2026-11-24T02:00:00+00:00",
        "dondoc-failed-at": "2026-11-24T02:02:00+00:00",
        "dondoc-error": "ValueError: no 2",
    }


def test_a_replayed_dead_letter_has_no_failures() -> None:
    assert Failures.of(failed(4).dead_letter_headers()) == Failures()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"dondoc-failures": "2"},
        {"dondoc-failures": -1, "dondoc-first-failed-at": "x"},
        {"dondoc-failures": 2},
        {"dondoc-failures": 2, "dondoc-first-failed-at": 5},
    ],
)
def test_headers_that_are_not_ours_count_as_no_failure(headers: dict[str, object]) -> None:
    assert Failures.of(headers) == Failures()


def test_a_long_error_is_cut() -> None:
    headers = Failures().and_then(ValueError("x" * 10_000), NOW).headers()
    assert len(headers["dondoc-error"]) == 1_000


@pytest.mark.parametrize("deaths", [None, "odd", [1, "two"], [{"time": "yesterday"}], {"time": 1}])
def test_what_others_wrote_about_a_death_never_hides_it(deaths: object) -> None:
    failure = FinalFailure.of({"x-first-death-reason": "delivery_limit", "x-death": deaths})
    assert (failure.failed_at, failure.error) == (None, "delivery_limit")
