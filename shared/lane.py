"""Lanes: a few callers at a time, the others wait in turn, and who comes when the lane is full is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.breaker import Breaker, UnavailableError
from shared.metrics import show_waiting
from shared.mongo import LISTS_AT_ONCE, is_away, is_slow

MOST_WAITING: Final = 100


class Lane:
    """What uses few threads and may be slow, such as the lists of one collection.

    `async with lane.turn()` waits for a turn. A caller that is cancelled while it waits, because it left or its budget
    is over, never has its turn. When MongoDB cannot be reached, a breaker refuses everyone for a second; a list that
    took too long says nothing about the others.
    """

    def __init__(self, name: str, *, at_once: int = LISTS_AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self.waiting = 0
        self._breaker = Breaker()
        show_waiting(name, self)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and have it in this block.

        Raises:
            UnavailableError: too many wait already, or MongoDB was away a moment ago.

        """
        self._breaker.enter()
        await self._wait()
        try:
            yield
        except Exception as error:
            self._notice(error)
            raise
        else:
            self._breaker.succeeded()
        finally:
            self._turns.release()

    async def _wait(self) -> None:
        if self.waiting >= self._most_waiting:
            raise UnavailableError("too many wait for a turn")
        self.waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self.waiting -= 1

    def _notice(self, error: Exception) -> None:
        if is_away(error) and not is_slow(error):
            self._breaker.failed()
