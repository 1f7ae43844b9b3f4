"""Work that may not stop in the middle, whatever becomes of the request that asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

_running: Final[set[asyncio.Task[Any]]] = set()
"""The event loop itself holds its tasks weakly only."""


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Await work in a task of its own. When the caller is cancelled, it stops waiting and the work goes on.

    Nobody hears then how the work ends.
    """
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # else asyncio complains that nobody asked for it, when the caller has left
