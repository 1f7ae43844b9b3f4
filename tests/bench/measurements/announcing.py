"""The monitor of deadline: 2,000 of 100,000 watched tasks are missed at the same moment.

The clock is set to just past the deadline of 2,000 tasks. The announcements are counted as they come out of the broker.
Lag is the time from setting the clock to the arrival of an announcement.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from statistics import median
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from services.deadline.rules.watch import Watch
from services.deadline.store import INDEXES, WATCHES, WatchStore
from shared.messaging.topology import EXCHANGE
from shared.mongo import connect, ensure_indexes
from tests.bench.findings import Finding
from tests.bench.installation import Installation
from tests.bench.rounds import Round, figures_of, percentile
from tests.bench.tasks import CALENDAR, MANY, a_task, fill

_DUE: Final = 2_000
_LATER: Final = 400
_DAYS: Final = (40, 80, 120)
"""In how many days the tasks of each round are due."""
_WITHIN_SECONDS: Final = 60.0
_A_MILLISECOND: Final = timedelta(milliseconds=1)


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only()
    watches = await _watch(installation)
    await installation.only("deadline")
    async with _announcements(installation) as announcements:
        rounds = [await _announce(installation, watch, announcements) for watch in watches]
    installation.services.clear_clock()
    lags = [lag for one in rounds for lag in one.latencies]
    rate = median(one.rate for one in rounds)
    remark = f"lag p50 {percentile(lags, 50):.2f} s, p99 {percentile(lags, 99):.2f} s"
    return [Finding(f"announcing {_DUE:,} due of {MANY:,} watched", rate, "/s", None, remark, figures_of(rounds))]


async def _watch(installation: Installation) -> list[Watch]:
    """Insert a hundred thousand watches, copies of some that the store has written. Return those that are due."""
    due, later = [_missed_next(days) for days in _DAYS], _missed_next(_LATER)
    collection = installation.database("deadline")[WATCHES]
    await collection.delete_many({})
    client = connect(installation.services.database_uris["deadline"], "bench")
    database = client[installation.services.databases["deadline"]]
    await ensure_indexes(database, INDEXES)
    store = WatchStore(database)
    for watch, number in [*((watch, _DUE) for watch in due), (later, MANY - _DUE * len(due))]:
        await store.insert_if_absent(watch, watch.next_moment(CALENDAR))
        kept = await collection.find_one({"_id": watch.task.id})
        assert kept is not None
        await fill(collection, (_copy(kept, f"{watch.task.id}-{copy}") for copy in range(number - 1)))
    client.close()
    return due


def _missed_next(days: int) -> Watch:
    """Return the watch of a task in progress. It waits only for the deadline itself."""
    task = a_task(days=days).events[-1].data.task
    assert task.due_at is not None
    return Watch(task, due_since=task.due_at - _A_MILLISECOND)


def _copy(kept: dict[str, Any], task_id: str) -> dict[str, Any]:
    return {**kept, "_id": task_id, "task": {**kept["task"], "id": task_id}}


async def _announce(installation: Installation, watch: Watch, announcements: asyncio.Queue[float]) -> Round:
    assert watch.task.due_at is not None
    came = time.time()
    installation.services.set_clock(watch.task.due_at + _A_MILLISECOND)
    async with asyncio.timeout(_WITHIN_SECONDS):
        lags = [await announcements.get() - came for _ in range(_DUE)]
    return Round(_DUE, max(lags), lags)


@asynccontextmanager
async def _announcements(installation: Installation) -> AsyncIterator[asyncio.Queue[float]]:
    """Yield the times at which deadline's events came out of the broker."""
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def note(_message: AbstractIncomingMessage) -> None:
        await arrived.put(time.time())

    async with await aio_pika.connect(installation.services.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EXCHANGE, "deadline.missed.*")
        await queue.consume(note, no_ack=True)
        yield arrived
