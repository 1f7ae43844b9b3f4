"""The barrier: waits until no event is on its way between services, without guessing how long that takes.

An event is on its way while it waits in an outbox, waits in a queue, or is being handled (delivered and not yet
acknowledged). A queue of our own counts what is published. If all outboxes and queues were empty when we looked, and
nothing was published in the meantime, then there was a moment at which nothing was on its way.

When the clock moves, this is not enough: a moment may have come that deadline has not announced yet. The stack is
settled when it is quiet, deadline has dealt with every moment that has come, no message is in a dead-letter queue,
and every service that keeps a copy of a task has its newest version.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractQueue
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.failure import LocalStackError
from deploy.local.rabbitmq import TICK_SECONDS
from deploy.local.servers import Servers
from shared.messaging.topology import EXCHANGE, dead_queue

# The broker updates its counts at each tick. After this time, the counts are newer than the start of the wait.
_COUNTS_ARE_FRESH = 2 * TICK_SECONDS
# A message that moves between two queues may be counted in neither. It does not move twice in a row, because retries
# have a delay. So two looks find it.
_LOOKS = 2
# The error message shows this many differences and leaves out the rest.
_SHOWN = 5

_Database = AsyncDatabase[dict[str, Any]]
_Collection = AsyncCollection[dict[str, Any]]
_Look = Callable[[], Awaitable[list[str]]]
"""Returns what must still be waited for; an empty list when there is nothing."""


async def wait_until_quiet(
    servers: Servers, vhost: str, databases: Sequence[str], services: Collection[str], *, seconds: float
) -> None:
    """Wait until nothing is on its way to or from `services`. After `seconds`, raise an error with what is left."""
    async with _watching_traffic(servers, vhost, databases, services) as traffic:
        await _wait_until_free("quiet", [traffic], seconds)


async def wait_until_idle(
    servers: Servers, vhost: str, databases: Mapping[str, str], now: Callable[[], datetime], *, seconds: float
) -> None:
    """Wait until all services have handled everything that happened; `databases` has the database of each service."""
    administration = servers.administration

    async def moments() -> list[str]:
        return await _waiting_moments(administration[databases["deadline"]], now())

    async def copies() -> list[str]:
        return await _old_copies({service: administration[name] for service, name in databases.items()})

    async with _watching_traffic(servers, vhost, [*databases.values()], databases) as traffic:
        await _wait_until_free("settled", [moments, traffic, moments, copies], seconds)
    if given_up := await _dead_letters(servers, vhost, databases):
        raise LocalStackError(f"given up: {'; '.join(given_up)}")


async def _wait_until_free(what: str, looks: Sequence[_Look], seconds: float) -> None:
    """Repeat all looks until none of them finds anything."""
    found: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            while found := await _first_found(looks):  # noqa: ASYNC110 -- there is no event to wait for
                await asyncio.sleep(TICK_SECONDS)
    except TimeoutError:
        raise LocalStackError(f"not {what} within {seconds:.0f} s: {'; '.join(found)}") from None


async def _first_found(looks: Sequence[_Look]) -> list[str]:
    for look in looks:
        if found := await look():
            return found
    return []


@asynccontextmanager
async def _watching_traffic(
    servers: Servers, vhost: str, databases: Sequence[str], services: Collection[str]
) -> AsyncIterator[_Look]:
    """Give the look that finds events on their way."""
    async with await aio_pika.connect(servers.rabbitmq.administrator_uri(vhost)) as connection:
        channel = await connection.channel()
        tap = await _tap_everything_published(channel)

        async def traffic() -> list[str]:
            return await _still_busy(servers, vhost, databases, services, channel, tap)

        yield traffic


async def _tap_everything_published(channel: AbstractChannel) -> AbstractQueue:
    exchange = await channel.get_exchange(EXCHANGE, ensure=True)
    tap = await channel.declare_queue(f"barrier.{secrets.token_hex(6)}", exclusive=True, auto_delete=True)
    await tap.bind(exchange, "#")
    return tap


async def _still_busy(
    servers: Servers,
    vhost: str,
    databases: Sequence[str],
    services: Collection[str],
    channel: AbstractChannel,
    tap: AbstractQueue,
) -> list[str]:
    published = await _count(channel, tap)
    if waiting := await _waiting_outboxes(servers, databases):
        return waiting
    for _ in range(_LOOKS):
        await asyncio.sleep(_COUNTS_ARE_FRESH)
        if waiting := await _filled_queues(servers, vhost, services):
            return waiting
    if waiting := await _waiting_outboxes(servers, databases):
        return waiting
    return ["events are being published"] if await _count(channel, tap) != published else []


async def _count(channel: AbstractChannel, tap: AbstractQueue) -> int:
    declared = await channel.declare_queue(tap.name, passive=True)
    return declared.declaration_result.message_count or 0


async def _waiting_outboxes(servers: Servers, databases: Sequence[str]) -> list[str]:
    return [
        f"an outbox in {name}.{collection}"
        for name in databases
        for collection in await servers.administration[name].list_collection_names()
        if await servers.administration[name][collection].find_one({"pending_since": {"$exists": True}}, {"_id": 1})
    ]


async def _filled_queues(servers: Servers, vhost: str, services: Collection[str]) -> list[str]:
    return [
        f"queue {queue.name} ({queue.ready} ready, {queue.unacknowledged} being handled)"
        for queue in await servers.queues(vhost)
        if queue.ready + queue.unacknowledged
        for service in services
        # Dead letters stay where they are until an operator handles them.
        if queue.name.startswith(f"{service}.") and queue.name != dead_queue(service)
    ]


async def _waiting_moments(deadline: _Database, now: datetime) -> list[str]:
    waiting = await deadline["watches"].find_one({"next_moment": {"$lt": now}}, {"next_moment": 1})
    return [f"deadline has not dealt with {waiting['next_moment']} of {waiting['_id']}"] if waiting else []


async def _old_copies(databases: Mapping[str, _Database]) -> list[str]:
    written = await _newest(databases["assignment"]["tasks"], "$_id", "$version")
    known = {
        "deadline": await _newest(databases["deadline"]["watches"], "$_id", "$sequence"),
        "reporting": await _newest(databases["reporting"]["versions"], "$task", "$sequence"),
    }
    return [
        f"{service} has version {copies.get(task)} of {task}, assignment {written.get(task)}"
        for service, copies in known.items()
        for task in sorted(written.keys() | copies.keys())
        if copies.get(task) != written.get(task)
    ][:_SHOWN]


async def _newest(collection: _Collection, task: str, sequence: str) -> dict[str, int]:
    """Return the highest sequence of each task."""
    found = await collection.aggregate([{"$group": {"_id": task, "sequence": {"$max": sequence}}}])
    return {document["_id"]: document["sequence"] async for document in found}


async def _dead_letters(servers: Servers, vhost: str, services: Collection[str]) -> list[str]:
    dead = {dead_queue(service) for service in services}
    return [
        f"{queue.ready} in {queue.name}" for queue in await servers.queues(vhost) if queue.name in dead and queue.ready
    ]
