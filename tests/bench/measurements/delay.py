"""How many tasks pass through all services, and the delay from a request to the write it causes in a consumer.

All four services run. Clients first assign tasks as fast as they can. Capacity is their number over the time until
reporting has written the last of them. Then tasks are assigned at a third of that rate, each at its time, whether or
not those before it are done. A delay counts from that time until a change stream of reporting's database shows the row
of the task. By then a majority has the row on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, Self

from deploy.services import SERVICES
from services.reporting.store import VERSIONS
from tests.bench.findings import Aim, Finding
from tests.bench.installation import Installation
from tests.bench.measurements.assigning import CLIENTS, assigning_requests
from tests.bench.rounds import in_ms, percentile

_LOADED_SECONDS: Final = 4.0
_PACED_SECONDS: Final = 12.0
_SHARE: Final = 1 / 3
_WITHIN_SECONDS: Final = 60.0


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only(*SERVICES)
    await installation.services.barrier()
    requests = await assigning_requests(installation)
    async with Arrivals(installation) as arrivals:
        capacity = await _capacity(installation, requests, arrivals)
        # The other services may still be busy with those tasks.
        await installation.services.barrier()
        rate = capacity * _SHARE
        given = await installation.load.paced(requests, rate=rate, seconds=_PACED_SECONDS)
        await arrivals.wait_for(given)
        delays = [arrivals.at[task] - scheduled for task, scheduled in given.items()]
    figures = {"rate_per_second": round(rate, 1), **in_ms(delays)}
    remark = f"p99 {figures['p99_ms']:.1f} ms; at {rate:,.0f}/s, a third of what passes"
    p50 = percentile(delays, 50) * 1000
    return [
        Finding(f"tasks through all services, {CLIENTS} clients", capacity, "/s", Aim(450)),
        Finding("request to consumer, p50", p50, "ms", Aim(30, at_most=True), remark, figures),
    ]


async def _capacity(installation: Installation, requests: list[dict[str, Any]], arrivals: Arrivals) -> float:
    before, began = len(arrivals.at), time.time()
    given = await installation.load.closed(requests, clients=CLIENTS, seconds=_LOADED_SECONDS)
    await arrivals.wait_for_count(before + given.count)
    return given.count / (max(arrivals.at.values()) - began)


class Arrivals:
    """When the first row of each task was seen in reporting's database."""

    def __init__(self, installation: Installation) -> None:
        self.at: dict[str, float] = {}
        self._versions = installation.database("reporting")[VERSIONS]
        self._grown = asyncio.Condition()

    async def __aenter__(self) -> Self:
        inserted: list[dict[str, Any]] = [{"$match": {"operationType": "insert"}}, {"$project": {"documentKey": 1}}]
        self._stream = await self._versions.watch(inserted)
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.wait([self._watching])
        await self._stream.close()

    async def wait_for_count(self, number: int) -> None:
        async with asyncio.timeout(_WITHIN_SECONDS), self._grown:
            await self._grown.wait_for(lambda: len(self.at) >= number)

    async def wait_for(self, tasks: dict[str, float]) -> None:
        async with asyncio.timeout(_WITHIN_SECONDS), self._grown:
            await self._grown.wait_for(lambda: tasks.keys() <= self.at.keys())

    async def _watch(self) -> None:
        async for change in self._stream:
            task_id, _, sequence = change["documentKey"]["_id"].rpartition(":")
            if sequence == "1":
                async with self._grown:
                    self.at[task_id] = time.time()
                    self._grown.notify_all()
