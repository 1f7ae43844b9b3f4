"""The background work of a service: it is started again when it fails, and it ends with the service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from types import TracebackType
from typing import Final, Self

import structlog
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from shared.metrics import BACKGROUND_FAILURES
from shared.mongo import is_away

_log = structlog.get_logger(__name__)

# A run that lasted longer than this was healthy: the waits start small again.
_HEALTHY_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 5.0
_BROKER_AWAY: Final = (AMQPError, ChannelInvalidStateError, OSError)


def growing_waits(longest: float = 5.0) -> Iterator[float]:
    """Yield waits in seconds, without end: 0.1 first, then twice as long each time, up to the longest."""
    wait = 0.1
    while True:
        yield wait
        wait = min(wait * 2, longest)


def is_own_cancellation() -> bool:
    """Whether somebody cancelled the current task. A lost connection to the broker also raises `CancelledError`."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(task: asyncio.Task[None], *, patience: float = _PATIENCE_SECONDS) -> None:
    """Cancel a task and wait for its end; cancel it again when it goes on for `patience` seconds.

    `asyncio.wait_for`, which aio-pika uses, loses a cancellation that comes together with the result it waits for.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=patience)


async def supervise(
    service: str,
    task: str,
    run: Callable[[], Awaitable[None]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], float] = monotonic,
) -> None:
    """Run `run` until it returns. Whenever it raises, wait and run it again.

    The wait doubles with each failure, from 0.1 up to 5 seconds. It starts small again after a run that lasted longer
    than half a minute.

    A failure is logged with its traceback and counted in `dondoc_background_failures_total`, for which there is the
    alert `DondocBackgroundFailing`. An outage of the broker or of MongoDB is logged as a warning and not counted: it is
    no fault of the task, and `DondocBrokerDown` and `DondocDatabaseDown` tell of it.
    """
    waits = growing_waits()
    while True:
        began = now()
        try:
            return await run()
        except asyncio.CancelledError:
            if is_own_cancellation():
                raise
            _log.warning("broker_lost", task=task)
        except Exception as error:  # noqa: BLE001 - logged; without the task the service would do half of its work
            _report(service, task, error)
        if now() - began > _HEALTHY_SECONDS:
            waits = growing_waits()
        await sleep(next(waits))


def _report(service: str, task: str, error: Exception) -> None:
    if is_away(error):
        _log.warning("mongodb_away", task=task, error=str(error))
    elif isinstance(error, _BROKER_AWAY):
        _log.warning("broker_away", task=task, error=str(error))
    else:
        BACKGROUND_FAILURES.labels(service, task).inc()
        _log.error("background_task_failed", task=task, exc_info=error)


class Background:
    """The background tasks of one service.

    `async with Background("deadline") as background: background.start("monitor", monitor.run)`. Each task is
    supervised. Leaving the block cancels the tasks in reverse order, and waits for each.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        while self._tasks:
            await end(self._tasks.pop())

    def start(self, name: str, run: Callable[[], Awaitable[None]], *, after: asyncio.Event | None = None) -> None:
        """Run `run` in the background until it returns; if an event is given, begin once it is set."""

        async def begin() -> None:
            if after is not None:
                await after.wait()
            await supervise(self._service, name, run)

        self._tasks.append(asyncio.create_task(begin(), name=name))
