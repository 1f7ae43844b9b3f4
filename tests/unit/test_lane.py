"""Who has a turn in a lane, who waits, and who is refused."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect, ExecutionTimeout

from shared.breaker import UnavailableError
from shared.lane import Lane


class Users:
    """Tasks that have a turn each until they are let go."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._may_go = asyncio.Event()
        self.had_a_turn: list[int] = []

    async def use(self, number: int) -> None:
        async with self._lane.turn():
            self.had_a_turn.append(number)
            await self._may_go.wait()

    async def begin(self, *numbers: int) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.use(number)) for number in numbers]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks

    def let_go(self) -> None:
        self._may_go.set()


async def test_a_few_have_a_turn_at_a_time_and_the_others_follow() -> None:
    users = Users(Lane("test", at_once=2))
    tasks = await users.begin(1, 2, 3, 4)
    assert users.had_a_turn == [1, 2]
    assert REGISTRY.get_sample_value("dondoc_requests_waiting", {"queue": "test"}) == 2
    users.let_go()
    await asyncio.gather(*tasks)
    assert users.had_a_turn == [1, 2, 3, 4]


async def test_who_comes_when_too_many_wait_is_refused() -> None:
    users = Users(Lane("test", at_once=1, most_waiting=1))
    tasks = await users.begin(1, 2)
    with pytest.raises(UnavailableError):
        await users.use(3)
    users.let_go()
    await asyncio.gather(*tasks)
    await users.use(4)
    assert users.had_a_turn == [1, 2, 4]


async def test_who_leaves_while_waiting_never_has_a_turn() -> None:
    users = Users(Lane("test", at_once=1))
    first, leaving, last = await users.begin(1, 2, 3)
    leaving.cancel()
    users.let_go()
    await asyncio.gather(first, last)
    assert users.had_a_turn == [1, 3]


async def test_when_the_server_is_away_everyone_is_refused_for_a_while() -> None:
    lane = Lane("test")
    with pytest.raises(AutoReconnect):
        async with lane.turn():
            raise AutoReconnect("away")
    with pytest.raises(UnavailableError):
        async with lane.turn():
            pass


async def test_a_list_that_took_too_long_says_nothing_about_the_others() -> None:
    lane = Lane("test")
    with pytest.raises(ExecutionTimeout):
        async with lane.turn():
            raise ExecutionTimeout("too long", 50)
    async with lane.turn():
        pass
