"""The barrier: waits until nothing is on its way between services, without guessing how long that takes.

Something is on its way while it waits in an outbox, lies in a queue, or is being handled (delivered and not yet
acknowledged). A queue of our own counts what is published: when outboxes and queues were all seen empty, and
nothing was published meanwhile, there was a moment at which nothing was on its way.
"""

import asyncio
import secrets
from collections.abc import Collection, Sequence

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractQueue

from deploy.local.failure import LocalStackError
from deploy.local.rabbitmq import TICK_SECONDS
from deploy.local.servers import Servers
from shared.messaging.topology import EXCHANGE, dead_queue

# Counts are renewed at each tick: after so long, they tell of a moment that lies after the wait began.
_COUNTS_ARE_FRESH = 2 * TICK_SECONDS
# A message that changes queues may be counted in neither; it does not do so twice, because retries have a delay.
_LOOKS = 2


async def wait_until_quiet(
    servers: Servers, vhost: str, databases: Sequence[str], services: Collection[str], *, seconds: float
) -> None:
    """Wait until nothing is on its way to or from `services`; too long a wait is an error that says what is left."""
    busy: list[str] = []
    try:
        async with (
            asyncio.timeout(seconds),
            await aio_pika.connect(servers.rabbitmq.administrator_uri(vhost)) as connection,
        ):
            channel = await connection.channel()
            tap = await _tap_everything_published(channel)
            while busy := await _still_busy(servers, vhost, databases, services, channel, tap):  # noqa: ASYNC110 -- no event tells
                await asyncio.sleep(TICK_SECONDS)
    except TimeoutError:
        raise LocalStackError(f"not quiet within {seconds:.0f} s: {'; '.join(busy)}") from None


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
        # Dead letters lie where they are until an operator comes.
        if queue.name.startswith(f"{service}.") and queue.name != dead_queue(service)
    ]
