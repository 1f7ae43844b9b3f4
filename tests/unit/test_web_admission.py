"""What is refused before it is begun: requests above what a service works on, and requests above a rate."""

from __future__ import annotations

import pytest

from shared.breaker import UnavailableError
from shared.office.refusal import Code
from shared.web.admission import RateLimit, Slot, Slots
from shared.web.http_refusal import HttpRefusal


def slots(most: int) -> Slots:
    return Slots("test", most)


def test_a_slot_that_is_given_back_is_free_for_another() -> None:
    shared = slots(1)
    first, second = Slot(shared), Slot(shared)
    assert first.take()
    assert not second.take()
    first.give_back()
    assert second.take()


def test_a_slot_is_given_back_once() -> None:
    shared = slots(1)
    first, second, third = Slot(shared), Slot(shared), Slot(shared)
    assert first.take()
    first.give_back()
    first.give_back()
    assert second.take()
    assert not third.take()


def test_who_waits_for_a_client_lends_the_slot_to_others() -> None:
    shared = slots(1)
    slow, quick = Slot(shared), Slot(shared)
    assert slow.take()
    with slow.lent():
        assert quick.take()
        quick.give_back()
    assert not quick.take()


def test_who_finds_no_slot_when_the_body_is_there_is_refused() -> None:
    shared = slots(1)
    slow, quick = Slot(shared), Slot(shared)
    assert slow.take()
    with pytest.raises(UnavailableError), slow.lent():
        assert quick.take()


def test_an_account_above_its_rate_learns_when_it_may_ask_again() -> None:
    now = 1_000.0
    limit = RateLimit("test", 2, lambda: now)
    for _ in range(2):
        limit.count("lan")
    now += 20.5
    with pytest.raises(HttpRefusal) as refused:
        limit.count("lan")
    assert refused.value.code is Code.RATE_LIMITED
    assert refused.value.headers == {"Retry-After": "40"}
    limit.count("hoa")


def test_the_count_begins_anew_every_minute() -> None:
    now = 1_000.0
    limit = RateLimit("test", 1, lambda: now)
    limit.count("lan")
    now += 60.0
    limit.count("lan")
