"""Attempts to sign in: fair turns, limits on failures, and what is left when a client leaves."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.assignment.directory import uncancelled
from services.assignment.directory.attempt_queue import AttemptQueue
from services.assignment.directory.attempts import Attempts
from services.assignment.directory.failures import FailureLimits, Failures, Origin
from services.assignment.directory.uncancelled import to_the_end
from shared.office.refusal import Code
from shared.web.http_refusal import HttpRefusal
from tests.support.messaging import wait_until

PLENTY = "1000 per 5 minute"


class Entrance:
    """Attempts and a queue, with a clock that the test moves; what is proven is chosen by each attempt."""

    def __init__(
        self, account: str = PLENTY, address: str = PLENTY, name: str = PLENTY, delay: float = 0, most: int = 100
    ) -> None:
        self.now = 0.0
        failures = Failures(FailureLimits(account, address, name), lambda: self.now)
        self.attempts = Attempts(failures, delay)
        self.queue = AttemptQueue("people", at_once=2, most=most)

    async def attempt(self, username: str, address: str, prove: Callable[[str], Awaitable[str | None]]) -> str | None:
        async def look_up() -> str:
            return username

        return await self.attempts.attempt(self.queue, username, address, look_up, prove)

    async def fails(self, username: str = "u", address: str = "10.0.0.1") -> None:
        assert await self.attempt(username, address, _wrong) is None

    async def succeeds(self, username: str = "u", address: str = "10.0.0.1") -> None:
        assert await self.attempt(username, address, _right) == username

    async def is_refused(self, username: str = "u", address: str = "10.0.0.1") -> HttpRefusal:
        with pytest.raises(HttpRefusal) as caught:
            await self.attempt(username, address, _right)
        return caught.value


async def _wrong(_found: str) -> str | None:
    await asyncio.sleep(0)
    return None


async def _right(found: str) -> str | None:
    await asyncio.sleep(0)
    return found


class HeldAttempts:
    """Attempts that stand in the queue until the test lets them go on."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._go_on = asyncio.Event()
        self._begun: list[str] = []
        self._tasks: list[asyncio.Task[str | None]] = []

    async def _prove(self, found: str) -> str | None:
        self._begun.append(found)
        await self._go_on.wait()
        return found

    async def take(self, *origins: tuple[str, str]) -> None:
        """Begin attempts, and return when all who can be begun are."""
        for username, address in origins:
            self._tasks.append(asyncio.create_task(self._entrance.attempt(username, address, self._prove)))
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def begun(self) -> list[str]:
        return self._begun

    @property
    def tasks(self) -> list[asyncio.Task[str | None]]:
        return self._tasks

    async def empty(self) -> list[Any]:
        """Let all go on and return how each ended."""
        self._go_on.set()
        return await asyncio.gather(*self._tasks, return_exceptions=True)


def is_answered_with(outcome: Any, code: Code) -> bool:
    return isinstance(outcome, HttpRefusal) and outcome.code is code and outcome.headers["Retry-After"] == "1"


async def test_after_too_many_failures_even_the_right_password_waits() -> None:
    entrance = Entrance(account="3 per 5 minute")
    for _ in range(3):
        await entrance.fails()
    entrance.now = 10.5
    refusal = await entrance.is_refused()
    assert (refusal.code, refusal.headers["Retry-After"]) == (Code.RATE_LIMITED, "290")
    entrance.now = 300
    await entrance.succeeds()


async def test_a_success_makes_up_for_the_failures_of_that_name_and_address() -> None:
    entrance = Entrance(account="3 per 5 minute", address="5 per 5 minute")
    await entrance.fails()
    await entrance.fails()
    await entrance.succeeds()
    await entrance.fails()
    await entrance.fails()
    await entrance.succeeds()
    await entrance.fails(username="v")  # the fifth of this address, from which others may be guessing
    assert (await entrance.is_refused()).code is Code.RATE_LIMITED


async def test_another_address_and_another_name_are_not_held_up() -> None:
    entrance = Entrance(account="3 per 5 minute")
    for _ in range(3):
        await entrance.fails()
    await entrance.succeeds(address="10.0.0.2")
    await entrance.succeeds(username="v")


async def test_one_address_trying_many_names_is_held_up() -> None:
    entrance = Entrance(account="3 per 5 minute", address="4 per 5 minute")
    for number in range(4):
        await entrance.fails(f"u{number}")
    assert (await entrance.is_refused("another")).code is Code.RATE_LIMITED


async def test_all_addresses_of_a_64_are_one() -> None:
    entrance = Entrance(account="3 per 5 minute")
    for number in range(3):
        await entrance.fails(address=f"2001:db8:0:1::{number}")
    await entrance.is_refused(address="2001:db8:0:1:ffff:ffff:ffff:ffff")
    await entrance.succeeds(address="2001:db8:0:2::1")
    for address in ("10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1"):
        await entrance.fails(address=address)
    await entrance.is_refused(address="10.0.0.1")
    await entrance.succeeds(address="::ffff:10.0.0.2")


async def test_successes_are_never_counted() -> None:
    entrance = Entrance(account="3 per 5 minute", address="4 per 5 minute", name="3 per 5 minute", delay=60)
    for _ in range(50):
        await entrance.succeeds()


async def test_a_burst_gains_no_more_guesses_than_run_at_once() -> None:
    entrance = Entrance(account="3 per 5 minute", address="4 per 5 minute")
    names = [*["u"] * 30, *(f"u{number}" for number in range(30))]
    answers = await asyncio.gather(*(entrance.fails(name) for name in names), return_exceptions=True)
    assert 4 <= answers.count(None) <= 5
    assert all(answer is None or isinstance(answer, HttpRefusal) for answer in answers)


async def test_one_name_at_one_address_has_three_pending_at_most() -> None:
    entrance = Entrance()
    held = HeldAttempts(entrance)
    await held.take(*[("u", "10.0.0.1")] * 200, ("u", "10.0.0.2"), ("v", "10.0.0.1"))
    outcomes = await held.empty()
    assert [one == "u" for one in outcomes[:3]] == [True] * 3
    assert all(is_answered_with(one, Code.RATE_LIMITED) for one in outcomes[3:200])
    assert outcomes[200:] == ["u", "v"]
    await entrance.succeeds()


async def test_one_network_has_half_of_the_queue_at_most() -> None:
    entrance = Entrance(most=20)
    held = HeldAttempts(entrance)
    await held.take(*((f"u{number}", "10.0.0.1") for number in range(11)))
    await held.take(("v", "10.0.0.2"))
    outcomes = await held.empty()
    assert is_answered_with(outcomes[10], Code.RATE_LIMITED)
    assert [*outcomes[:10], outcomes[11]] == [*(f"u{number}" for number in range(10)), "v"]


async def test_a_full_queue_refuses_at_once_but_not_those_it_knows() -> None:
    entrance = Entrance(most=20)
    for number in range(6):
        await entrance.succeeds(f"owner{number}", "10.9.9.9")
    held = HeldAttempts(entrance)
    await held.take(*((f"u{number}", f"10.0.0.{number}") for number in range(16)))
    assert held.begun == ["u0", "u1"]
    assert is_answered_with(held.tasks[15].exception(), Code.UNAVAILABLE)
    await held.take(*((f"owner{number}", "10.9.9.9") for number in range(6)))
    outcomes = await held.empty()
    assert outcomes[16:21] == [f"owner{number}" for number in range(5)]
    assert is_answered_with(outcomes[21], Code.UNAVAILABLE)


async def test_whoever_leaves_the_queue_has_no_turn_and_no_place() -> None:
    entrance = Entrance(most=20)
    held = HeldAttempts(entrance)
    await held.take(*((f"u{number}", f"10.0.0.{number}") for number in range(15)))
    held.tasks[2].cancel()
    await asyncio.gather(held.tasks[2], return_exceptions=True)
    await held.take(("late", "10.0.1.1"))
    await held.empty()
    assert "u2" not in held.begun
    assert "late" in held.begun


async def test_leaving_in_the_middle_neither_hides_a_failure_nor_makes_room() -> None:
    entrance = Entrance(account="1 per 5 minute")
    go_on = asyncio.Event()
    begun: list[str] = []

    async def fail_later(found: str) -> str | None:
        begun.append(found)
        await go_on.wait()
        return None

    leaving = [asyncio.create_task(entrance.attempt(f"u{number}", "10.0.0.1", fail_later)) for number in range(2)]
    await wait_until(lambda: len(begun) == 2, "both have their turn")
    for one in leaving:
        one.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    assert all(one.cancelled() for one in leaving)

    behind = asyncio.create_task(entrance.succeeds("v"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not behind.done()
    go_on.set()
    await behind
    assert (await entrance.is_refused("u0")).code is Code.RATE_LIMITED


async def test_a_proof_that_breaks_gives_its_turn_back() -> None:
    async def broken(_found: str) -> str | None:
        raise OSError("broken")

    entrance = Entrance()
    for _ in range(5):
        with pytest.raises(OSError, match="broken"):
            await entrance.attempt("u", "10.0.0.1", broken)
    await entrance.succeeds()


def strangers(many: int) -> list[str]:
    return list(islice((f"10.{a}.{b}.7" for a in range(250) for b in range(250)), many))


async def test_a_name_that_strangers_try_is_held_back_and_its_owner_is_never_locked_out() -> None:
    entrance = Entrance(account="10 per 5 minute", name="100 per 5 minute", delay=0.2)
    await entrance.succeeds("owner", "192.168.1.1")
    for address in strangers(100):
        await entrance.fails("owner", address)

    before = _delayed()
    await entrance.succeeds("owner", "192.168.1.1")
    assert _delayed() == before

    loop = asyncio.get_running_loop()
    began = loop.time()
    await entrance.succeeds("owner", "192.168.2.2")
    assert loop.time() - began >= 0.2
    assert _delayed() == before + 1
    await entrance.succeeds("owner", "192.168.2.2")
    assert _delayed() == before + 1

    await entrance.succeeds("another", "192.168.2.2")
    assert _delayed() == before + 1


def _delayed() -> float:
    return REGISTRY.get_sample_value("dondoc_sign_ins_delayed_total") or 0.0


async def test_those_held_back_take_nobodys_place() -> None:
    entrance = Entrance(name="1 per 5 minute", delay=60, most=4)
    await entrance.fails("owner", "10.9.9.9")
    held_back = [asyncio.create_task(entrance.succeeds("owner", address)) for address in strangers(50)]
    await asyncio.sleep(0)
    await entrance.succeeds("v")
    for one in held_back:
        one.cancel()
    outcomes = await asyncio.gather(*held_back, return_exceptions=True)
    assert {type(one) for one in outcomes} == {asyncio.CancelledError}


async def test_no_more_than_64_are_held_back_at_the_same_time() -> None:
    entrance = Entrance(name="1 per 5 minute", delay=60)
    await entrance.fails("owner", "10.9.9.9")
    held_back = [asyncio.create_task(entrance.succeeds("owner", address)) for address in strangers(64)]
    await asyncio.sleep(0)
    await entrance.succeeds("owner", "192.168.2.2")
    assert not any(one.done() for one in held_back)
    for one in held_back:
        one.cancel()
    await asyncio.gather(*held_back, return_exceptions=True)


async def test_what_waits_and_what_is_refused_is_shown() -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    shares = value("dondoc_sign_ins_refused_total", reason="share")
    held = HeldAttempts(Entrance())
    await held.take(*((f"u{number}", "10.0.0.1") for number in range(5)), *[("u0", "10.0.0.1")] * 3)
    assert value("dondoc_sign_ins_waiting", queue="people") == 5
    assert value("dondoc_sign_ins_refused_total", reason="share") == shares + 1
    await held.empty()
    assert value("dondoc_sign_ins_waiting", queue="people") == 0


def test_failures_of_long_ago_are_forgotten() -> None:
    now = [0.0]
    failures = Failures(FailureLimits("1 per 5 minute", PLENTY, PLENTY), lambda: now[0])
    for number in range(1_000):
        now[0] = number
        failures.add(Origin(f"u{number}", "10.0.0.1"))
    assert failures.seconds_to_wait(Origin("u999", "10.0.0.1")) == 300
    assert failures.seconds_to_wait(Origin("u600", "10.0.0.1")) == 0
    assert len(failures._by_account._windows) == 300


async def test_what_may_not_stop_goes_on_when_its_caller_is_cancelled() -> None:
    done = asyncio.Event()
    go_on = asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        done.set()

    caller = asyncio.create_task(to_the_end(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert caller.cancelled()
    go_on.set()
    await wait_until(done.is_set, "the work is done")


async def test_what_fails_after_its_caller_left_is_nobodys_complaint() -> None:
    go_on = asyncio.Event()
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()

    async def work() -> None:
        await go_on.wait()
        raise OSError("broken")

    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    try:
        caller = asyncio.create_task(to_the_end(work()))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        go_on.set()
        await wait_until(lambda: not uncancelled._running, "the work has ended")
        del caller
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert complaints == []
