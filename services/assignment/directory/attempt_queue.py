"""The queue of sign-ins: a few at a time, the others wait, and who asks for more than a fair share is refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from services.assignment.directory.metrics import REFUSED, WAITING
from shared.office.refusal import Code
from shared.web.http_refusal import HttpRefusal

_SOON: Final = 1


def not_attempted(code: Code, seconds: int, reason: str) -> HttpRefusal:
    """Return the refusal of an attempt whose proof was not looked at; it may be made again after `seconds`.

    Who raises it logs it.
    """
    REFUSED.labels(reason).inc()
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    return HttpRefusal(code, headers=headers, is_logged=True)


def share_used_up() -> HttpRefusal:
    return not_attempted(Code.RATE_LIMITED, _SOON, "share")


def queue_full() -> HttpRefusal:
    return not_attempted(Code.UNAVAILABLE, _SOON, "full")


class Shares:
    """How many attempts are pending for each key; what comes above `most` is refused with `refusal`."""

    def __init__(self, most: int, refusal: Callable[[], HttpRefusal]) -> None:
        self._most = most
        self._refusal = refusal
        self._pending: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, key: Hashable) -> Iterator[None]:
        """Have one of the key's attempts in this block."""
        if self._pending[key] >= self._most:
            raise self._refusal()
        self._pending[key] += 1
        try:
            yield
        finally:
            self._pending[key] -= 1
            if not self._pending[key]:
                del self._pending[key]


class AttemptQueue:
    """Runs `at_once` attempts at a time. At most `most` are in the queue, those that run included.

    One network has at most half of the queue. A quarter is kept for those who signed in from their network lately: when
    strangers fill the rest, these still get in.
    """

    def __init__(self, name: str, *, at_once: int, most: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._all = Shares(most, queue_full)
        self._strangers = Shares(most - most // 4, queue_full)
        self._by_network = Shares(most // 2, share_used_up)
        self._waiting = WAITING.labels(name)

    @contextmanager
    def place(self, network: str, *, is_known: bool) -> Iterator[None]:
        """Have a place in the queue in this block.

        Raises:
            HttpRefusal: rate-limited, the network has its share already; unavailable, the queue is full.

        """
        if is_known:
            with self._all.one(None):
                yield
        else:
            with self._by_network.one(network), self._strangers.one(None), self._all.one(None):
                yield

    async def turn(self) -> None:
        """Wait for a turn; `end_turn` ends it."""
        with self._waiting.track_inprogress():
            await self._turns.acquire()

    def end_turn(self) -> None:
        self._turns.release()
