"""The time that a request may take. What is not begun within it is never carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from types import TracebackType
from typing import Final

_NEVER: Final = float("inf")
_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


class Budget:
    """The budget of one request: inside `async with budget`, the code is cancelled when `seconds` are over.

    `TimeoutError` is raised then. Work that is under way elsewhere, such as a write in a batch, is not taken back.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)
        self._is_left = False

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        _current.set(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_left = True
        await self._timeout.__aexit__(kind, error, trace)

    @property
    def is_over(self) -> bool:
        """Whether the code was cancelled because the time was over."""
        return self._timeout.expired()

    @property
    def ends_at(self) -> float:
        """The moment, by the clock of the event loop, at which the time is over; infinity if it is not counted."""
        ends_at = self._timeout.when()
        return _NEVER if ends_at is None else ends_at

    def stop(self) -> None:
        """Count no longer: the answer has begun."""
        if not self._is_left:
            self._timeout.reschedule(None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time in this block; afterwards the whole time is there again."""
        self._timeout.reschedule(None)
        yield
        self._timeout.reschedule(asyncio.get_running_loop().time() + self._seconds)


@contextmanager
def bring_to_end() -> Iterator[None]:
    """Count no time in this block: what it does was begun in time, and it is better told late than told wrong."""
    budget = _current.get()
    with budget.paused() if budget else nullcontext():
        yield


def current_budget() -> Budget | None:
    """Return the budget of the request that is being answered; None in background work."""
    return _current.get()


def ends_at() -> float:
    """Return when the current budget is over, by the clock of the event loop; infinity in background work."""
    budget = _current.get()
    return _NEVER if budget is None else budget.ends_at
