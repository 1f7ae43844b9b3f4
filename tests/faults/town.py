"""Where crashes happen: a province on servers of its own, each of its services with a way to the broker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from deploy.local.servers import QueueCount, Servers
from deploy.local.services import ServiceProcesses, running_services
from deploy.services import SERVICES
from shared.messaging.topology import events_queue
from tests.support.agreement import assert_agreement
from tests.support.messaging import wait_until
from tests.support.office_work import OfficeWork
from tests.support.province import Province, province_on
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import temporary_servers
from tests.support.witness import Witness

Record = Callable[[str, object], None]
"""Takes down a figure of a test, for those who read the proof."""


@dataclass(frozen=True)
class Town:
    """The province, its offices at work, and what ends without warning."""

    province: Province
    ways: Mapping[str, TcpProxy]
    """Each service's way to the broker, which can be closed."""
    work: OfficeWork
    witness: Witness
    record: Record

    @property
    def stack(self) -> ServiceProcesses:
        return self.province.stack

    @property
    def servers(self) -> Servers:
        return self.stack.servers

    def collection(self, service: str, name: str) -> AsyncCollection[dict[str, Any]]:
        return self.servers.administration[self.stack.databases[service]][name]

    async def is_there(self, service: str, name: str, what: Mapping[str, Any]) -> bool:
        """Whether a service has such a document in a collection."""
        return await self.collection(service, name).find_one(what, {"_id": 1}) is not None

    async def waiting_for(self, service: str) -> int:
        """Return how many events lie in the queue of a service."""
        return (await self._queue_of(service)).ready

    async def unacknowledged_by(self, service: str) -> int:
        """Return how many events a service was sent of which the broker has heard nothing since."""
        return (await self._queue_of(service)).unacknowledged

    async def _queue_of(self, service: str) -> QueueCount:
        queues = await self.servers.queues(self.stack.vhost)
        return next(queue for queue in queues if queue.name == events_queue(service))

    async def reopen_way_of(self, service: str) -> None:
        """Let a service reach the broker again; what was kept back until now is lost."""
        await self.ways[service].cut()
        await self.ways[service].restore()

    async def start(self, *names: str) -> float:
        """Start services or replicas at the same time, and return after how many seconds they were ready."""
        began = perf_counter()
        await asyncio.gather(*map(self.stack.start, names))
        return perf_counter() - began

    def let_pass(self, time: timedelta) -> None:
        self.stack.set_clock(self.province.now() + time)

    async def until_more_is_done(self, number: int, within: float = 60) -> None:
        """Wait until so many more acts have been acknowledged."""
        acknowledged = self.work.acknowledged.tasks
        wanted = len(acknowledged) + number
        await wait_until(lambda: len(acknowledged) >= wanted, f"{number} more acts are acknowledged", within)

    async def until_called_off(self, number: int) -> None:
        """Wait until so many more requests have been answered with 503, or not at all."""
        wanted = self._called_off() + number
        await wait_until(lambda: self._called_off() >= wanted, f"{number} more requests are called off", within=60)

    def _called_off(self) -> int:
        return self.work.unavailable + self.work.not_answered

    async def expect_agreement(self) -> None:
        """Hold, when all is settled, that what was acknowledged stands, once, and that everyone was told, once."""
        began = perf_counter()
        figures = await assert_agreement(self.province, self.work.acknowledged, self.witness, seconds=300)
        self.record("agreed", f"{figures}, after {perf_counter() - began:.1f} s")


@asynccontextmanager
async def town_in(folder: Path, begins: str, settings: Mapping[str, str]) -> AsyncIterator[Town]:
    """Run servers and services, with people in them, in a folder; each test gives the town its chance and record."""
    async with AsyncExitStack() as inside:
        servers = await inside.enter_async_context(temporary_servers())
        ways = {name: await inside.enter_async_context(proxy_to(servers.rabbitmq.amqp_port)) for name in SERVICES}
        ports = {name: way.port for name, way in ways.items()}
        running = running_services(servers, folder, settings=settings, broker_ports=ports)
        stack = await inside.enter_async_context(running)
        witness = await Witness.of(stack)
        province = await inside.enter_async_context(province_on(stack, begins))
        work = OfficeWork(province, Random())  # noqa: S311 - nothing is secret here
        await work.sign_in()
        yield Town(province, ways, work, witness, lambda *_: None)
