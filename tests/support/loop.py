"""How long the event loop is held: nobody else of the process is served meanwhile."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

_TICK_SECONDS: Final = 0.001
_STEPS: Final = 200_000
_USUAL_SECONDS: Final = 0.012
"""What `_STEPS` steps take on an ordinary machine that does nothing else."""


def slowness() -> float:
    """Return how many times slower this machine is now than an ordinary one; 1 for a faster one."""
    began = time.process_time()
    total = 0
    for step in range(_STEPS):
        total += step
    return max((time.process_time() - began) / _USUAL_SECONDS, 1.0)


class _Ticker:
    """Comes by every millisecond, and keeps the longest time for which it could not."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        wall, used = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now, used_now = time.perf_counter(), time.process_time()
            self.longest = max(self.longest, min(now - wall, used_now - used))
            wall, used = now, used_now


async def longest_hold(work: Callable[[], Awaitable[Any]]) -> float:
    """Return the longest time, in seconds, for which the loop was held while `work` was done.

    Only time in which this process used a processor counts: a machine that does something else is no fault of ours.
    """
    ticker = _Ticker()
    ticking = asyncio.create_task(ticker.run())
    await asyncio.sleep(_TICK_SECONDS)
    try:
        await work()
        await asyncio.sleep(_TICK_SECONDS)
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
    return ticker.longest


async def least_hold(work: Callable[[], Awaitable[Any]], *, tries: int = 3) -> float:
    """Return the least of several measurements, as an ordinary machine would take.

    What exists before is frozen, as `serve` freezes it: the objects of pytest are no matter of the service.
    """
    gc.collect()
    gc.freeze()
    try:
        return min([await longest_hold(work) / slowness() for _ in range(tries)])
    finally:
        gc.unfreeze()
