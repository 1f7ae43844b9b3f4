"""What a service does beside answering: tasks that are started anew when they break, and end in reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

import structlog

from shared.metrics import BACKGROUND_FAILURES

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_log = structlog.get_logger()


class Background:
    """The background tasks of one service.

    `async with Background("deadline") as background: background.start("monitor", monitor.run)`. A task that returns
    is done; one that raises is logged and run again after a delay that doubles up to half a minute and starts small
    again once the task held out longer than that. Leaving the block cancels the tasks, the youngest first, and waits
    for each.
    """

    def __init__(self, service: str, *, first_delay: float = _FIRST_DELAY) -> None:
        self._service = service
        self._first_delay = first_delay
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            await asyncio.wait([task])

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run `run` beside everything else, again and again until it returns."""
        self._tasks.append(asyncio.create_task(self._supervise(name, run), name=name))

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        delay = self._first_delay
        while True:
            began = loop.time()
            try:
                await run()
            except Exception:  # noqa: BLE001 - whatever broke it, the task is started anew
                if loop.time() - began > _LONGEST_DELAY:
                    delay = self._first_delay
                BACKGROUND_FAILURES.labels(self._service, name).inc()
                _log.exception("background task broke", task=name, again_in_seconds=delay)
            else:
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
