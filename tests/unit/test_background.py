"""Background tasks outlive their own failures and end with the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from aio_pika.exceptions import AMQPConnectionError
from prometheus_client import REGISTRY
from pymongo.errors import ServerSelectionTimeoutError
from structlog.testing import capture_logs

from shared.background import Background, end, supervise


class Trial:
    """A task whose every run lasts so many seconds of a clock that stands still otherwise, and fails, but the last."""

    def __init__(self, *runs: float, error: BaseException | None = None) -> None:
        self._runs: Iterator[float] = iter(runs)
        self._error = error or RuntimeError("broken")
        self._now = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self) -> None:
        lasted = next(self._runs, None)
        if lasted is not None:
            self._now += lasted
            raise self._error


async def supervised(trial: Trial) -> None:
    await supervise("sample", "trial", trial.run, sleep=trial.sleep, now=trial.now)


def failures() -> float:
    labels = {"service": "sample", "task": "trial"}
    return REGISTRY.get_sample_value("dondoc_background_failures_total", labels) or 0.0


async def test_a_task_that_breaks_is_started_anew() -> None:
    tries = 0
    held = asyncio.Event()

    async def run() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RuntimeError("broken")
        held.set()

    async with asyncio.timeout(5), Background("sample") as background:
        background.start("work", run)
        await held.wait()
    assert tries == 3


async def test_the_waits_double_up_to_the_longest() -> None:
    trial = Trial(*[0.0] * 8)
    await supervised(trial)
    assert trial.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_the_waits_start_small_again_after_a_run_that_held_out() -> None:
    trial = Trial(0.0, 29.0, 0.0, 31.0, 0.0)
    await supervised(trial)
    assert trial.waits == [0.1, 0.2, 0.4, 0.1, 0.2]


async def test_every_failure_is_counted_and_logged() -> None:
    before = failures()
    with capture_logs() as logs:
        await supervised(Trial(0.0, 0.0))
    assert failures() == before + 2
    assert [entry["event"] for entry in logs] == ["background_task_failed"] * 2


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (AMQPConnectionError("refused"), "broker_away"),
        (ConnectionRefusedError("refused"), "broker_away"),
        (asyncio.CancelledError(), "broker_lost"),
        (ServerSelectionTimeoutError("nobody there"), "mongodb_away"),
    ],
)
async def test_a_server_that_is_away_is_waited_for_and_not_counted(error: BaseException, event: str) -> None:
    before = failures()
    trial = Trial(0.0, 0.0, error=error)
    with capture_logs() as logs:
        await supervised(trial)
    assert trial.waits == [0.1, 0.2]
    assert failures() == before
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [(event, "warning")] * 2


async def test_a_task_that_loses_its_first_cancellation_ends_all_the_same() -> None:
    begun = asyncio.Event()

    async def run() -> None:
        with suppress(asyncio.CancelledError):
            begun.set()
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await begun.wait()
    async with asyncio.timeout(5):
        await end(task, patience=0.01)
    assert task.cancelled()


async def test_tasks_end_in_reverse_order_and_are_waited_for() -> None:
    ended: list[str] = []
    begun = asyncio.Barrier(3)

    def task(name: str) -> None:
        async def run() -> None:
            await begun.wait()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                ended.append(name)

        background.start(name, run)

    async with asyncio.timeout(5), Background("sample") as background:
        task("relay")
        task("consumer")
        await begun.wait()
    assert ended == ["consumer", "relay"]
