"""When a breaker refuses, and when it lets one through to try."""

from __future__ import annotations

import pytest

from shared.breaker import OPEN_SECONDS, Breaker, UnavailableError


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(time)


def test_a_new_breaker_lets_everyone_through(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.enter()


def test_after_a_failure_nobody_is_let_through_for_a_second(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += OPEN_SECONDS - 0.001
    with pytest.raises(UnavailableError):
        breaker.enter()


def test_after_a_second_one_is_let_through_and_the_others_are_not(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += OPEN_SECONDS
    breaker.enter()
    with pytest.raises(UnavailableError):
        breaker.enter()


def test_a_try_that_succeeds_lets_everyone_through(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += OPEN_SECONDS
    breaker.enter()
    breaker.succeeded()
    for _ in range(3):
        breaker.enter()


def test_a_try_that_fails_opens_the_breaker_again(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    time.now += OPEN_SECONDS
    breaker.enter()
    breaker.failed()
    with pytest.raises(UnavailableError):
        breaker.enter()


def test_a_try_that_never_ends_is_followed_by_another(breaker: Breaker, time: Time) -> None:
    breaker.failed()
    for _ in range(3):
        time.now += OPEN_SECONDS
        breaker.enter()
