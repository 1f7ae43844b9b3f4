"""Doing in one go what many ask for at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from traceback import format_exception
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from shared.batching import BatchedReads, Batcher
from shared.breaker import OPEN_SECONDS, UnavailableError
from shared.budget import Budget


class Doubling:
    """Doubles numbers, each round when it is let through; refuses 13, breaks on 666, finds the server away on 404."""

    def __init__(self, **bounds: Any) -> None:
        self.rounds: list[list[int]] = []
        self.batcher: Batcher[int, int] = Batcher(self._double, name="test", **bounds)
        self._through = asyncio.Semaphore(0)

    def let_through(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self._through.release()

    async def _double(self, asked: Sequence[int]) -> Sequence[int | Exception]:
        self.rounds.append(list(asked))
        await self._through.acquire()
        if 666 in asked:
            raise RuntimeError("broken")
        if 404 in asked:
            raise AutoReconnect("away")
        return [ValueError(number) if number == 13 else number * 2 for number in asked]

    async def ask(self, number: int) -> int:
        return await self.batcher.submit(number)

    async def asked(self, *numbers: int) -> list[asyncio.Task[int]]:
        """Ask in this order, and return once all wait."""
        tasks = [asyncio.create_task(self.ask(number)) for number in numbers]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks


async def test_the_first_goes_at_once_and_who_comes_meanwhile_goes_with_the_next_round() -> None:
    doubling = Doubling()
    first = await doubling.asked(1)
    assert doubling.rounds == [[1]]
    later = await doubling.asked(2, 3)
    assert doubling.rounds == [[1]]
    doubling.let_through(2)
    assert await asyncio.gather(*first, *later) == [2, 4, 6]
    assert doubling.rounds == [[1], [2, 3]]


async def test_after_a_pause_the_next_goes_at_once_again() -> None:
    doubling = Doubling()
    doubling.let_through(2)
    assert [await doubling.batcher.submit(1), await doubling.batcher.submit(2)] == [2, 4]


async def test_each_learns_its_own_outcome() -> None:
    doubling = Doubling()
    doubling.let_through(2)
    outcomes = await asyncio.gather(*await doubling.asked(1, 13, 2), return_exceptions=True)
    assert (outcomes[0], outcomes[2]) == (2, 4)
    assert isinstance(outcomes[1], ValueError)


async def test_a_round_that_breaks_is_told_to_all_in_it_and_to_nobody_else() -> None:
    doubling = Doubling()
    broken = await doubling.asked(666)
    others = await doubling.asked(1)
    doubling.let_through(2)
    with pytest.raises(RuntimeError):
        await broken[0]
    assert await others[0] == 2


async def test_when_the_server_is_away_all_who_wait_fail_at_once_and_who_comes_next_is_refused() -> None:
    doubling = Doubling()
    first, waiting = await doubling.asked(404), await doubling.asked(1, 2)
    doubling.let_through()
    outcomes = await asyncio.gather(*first, *waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [AutoReconnect] * 3
    with pytest.raises(UnavailableError):
        await doubling.ask(3)
    assert doubling.rounds == [[404]]


async def test_a_server_that_is_back_is_noticed_by_one_try() -> None:
    doubling = Doubling()
    doubling.let_through(2)
    with pytest.raises(AutoReconnect):
        await doubling.ask(404)
    doubling.batcher._breaker._now = lambda: asyncio.get_running_loop().time() + OPEN_SECONDS
    tried, refused = await asyncio.gather(*await doubling.asked(1, 2), return_exceptions=True)
    assert tried == 2
    assert isinstance(refused, UnavailableError)
    doubling.let_through()
    assert await doubling.ask(3) == 6


async def test_no_more_wait_than_may() -> None:
    doubling = Doubling(most_waiting=2)
    running, waiting = await doubling.asked(1), await doubling.asked(2, 3)
    with pytest.raises(UnavailableError):
        await doubling.ask(4)
    doubling.let_through(2)
    assert await asyncio.gather(*running, *waiting) == [2, 4, 6]


async def test_what_could_not_end_within_the_budget_is_not_begun() -> None:
    doubling = Doubling(takes=60.0)
    running = await doubling.asked(1)
    async with Budget(30.0):
        late = await doubling.asked(2)
    async with Budget(3_600.0):
        in_time = await doubling.asked(3)
    doubling.let_through(2)
    with pytest.raises(UnavailableError):
        await late[0]
    assert await asyncio.gather(*running, *in_time) == [2, 6]
    assert doubling.rounds == [[1], [3]]


async def test_a_gauge_shows_how_many_wait() -> None:
    doubling = Doubling()
    tasks = await doubling.asked(1, 2, 3)
    tasks += await doubling.asked(4)
    waiting = REGISTRY.get_sample_value("dondoc_requests_waiting", {"queue": "test"})
    doubling.let_through(2)
    await asyncio.gather(*tasks)
    assert waiting == 1


async def test_a_round_takes_no_more_than_it_may() -> None:
    doubling = Doubling(most=2)
    tasks = await doubling.asked(1, 2, 3, 4, 5)
    doubling.let_through(3)
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert [len(asked) for asked in doubling.rounds] == [2, 2, 1]


async def test_who_left_before_the_round_is_left_out() -> None:
    doubling = Doubling()
    first = await doubling.asked(1)
    leaving, staying = await doubling.asked(2, 3)
    leaving.cancel()
    doubling.let_through(2)
    assert await asyncio.gather(*first, staying) == [2, 6]
    assert doubling.rounds == [[1], [3]]
    assert leaving.cancelled()


async def test_who_leaves_during_the_round_takes_nobody_along() -> None:
    doubling = Doubling()
    leaving, staying = await doubling.asked(1, 2)
    leaving.cancel()
    await asyncio.sleep(0)
    doubling.let_through()
    assert await staying == 4
    assert leaving.cancelled()


async def test_draining_waits_for_what_is_under_way() -> None:
    doubling = Doubling()
    await doubling.batcher.drain()
    tasks = await doubling.asked(1)
    draining = asyncio.create_task(doubling.batcher.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    doubling.let_through()
    await draining
    assert tasks[0].done()


async def test_who_asks_during_a_round_that_is_cancelled_does_not_wait_for_ever() -> None:
    doubling = Doubling()
    tasks = [*await doubling.asked(1), *await doubling.asked(2)]
    running = doubling.batcher._running
    assert running is not None
    running.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    doubling.let_through()
    assert await doubling.ask(3) == 6


# Exceptions


async def first_caller(doubling: Doubling) -> int:
    return await doubling.ask(666)


async def second_caller(doubling: Doubling) -> int:
    return await doubling.ask(1)


async def test_a_traceback_leads_from_the_error_to_each_of_its_callers() -> None:
    doubling = Doubling()
    doubling.let_through()
    first, second = await asyncio.gather(first_caller(doubling), second_caller(doubling), return_exceptions=True)
    for error, caller, other in ((first, "first_caller", "second_caller"), (second, "second_caller", "first_caller")):
        assert isinstance(error, RuntimeError)
        told = "".join(format_exception(error))
        assert "in _double" in told
        assert f"in {caller}" in told
        assert f"in {other}" not in told
    assert first is not second


async def test_an_exception_that_cannot_be_copied_is_raised_all_the_same() -> None:
    class ParticularError(Exception):
        def __init__(self, one: str, *, other: str) -> None:
            super().__init__(one + other)

    async def fail(_asked: Sequence[int]) -> Sequence[int]:
        raise ParticularError("a", other="b")

    with pytest.raises(ParticularError, match="ab"):
        await Batcher(fail, name="test").submit(1)


# Reads


async def test_one_read_answers_all_who_ask_at_the_same_moment() -> None:
    read: list[set[str]] = []

    async def lengths(keys: Collection[str]) -> dict[str, int]:
        read.append(set(keys))
        return {key: len(key) for key in keys}

    reads = BatchedReads(lengths, name="test")
    found = await asyncio.gather(reads.get(["a", "bb"]), reads.get(["bb"]), reads.get([]))
    assert list(found) == [{"a": 1, "bb": 2}] * 3
    await reads.get(["a"])
    assert read == [{"a", "bb"}, {"a"}]
