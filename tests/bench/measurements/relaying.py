"""Relaying the events of outboxes, beside bare publishing with confirms: the same bytes, queues bound alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractExchange

from shared.events.codec import encode
from shared.messaging.outbox import Outbox
from shared.messaging.publisher import Publisher
from shared.messaging.relay import Relay
from shared.messaging.topology import EXCHANGE
from shared.mongo import connect
from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.rounds import Round, compare
from tests.bench.tasks import a_task, fill

_EVENTS: Final = 2_000
_IN_FLIGHT: Final = 100
_ROUNDS: Final = 5
_COLLECTION: Final = "relayed"


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only()
    documents = [a_task(steps=0).inserted() for _ in range(_EVENTS)]
    event = a_task(steps=0).events[0]
    async with _relay(installation) as relay, _exchange(installation.services.amqp_url) as exchange:

        async def ours() -> Round:
            await _prepare(installation, documents)
            return await relay([document["_id"] for document in documents])

        async def bare() -> Round:
            await installation.purge()
            return await _publish(exchange, encode(event), event.type)

        compared = await compare(ours, bare, rounds=_ROUNDS)
    return [ratio_found(f"relay, beside confirmed publishing, {_IN_FLIGHT} in flight", compared, Aim(0.6))]


async def _prepare(installation: Installation, documents: list[dict[str, Any]]) -> None:
    await installation.purge()
    collection = installation.database("assignment")[_COLLECTION]
    await collection.delete_many({})
    await fill(collection, documents)


@asynccontextmanager
async def _relay(installation: Installation) -> AsyncIterator[Callable[[list[str]], Awaitable[Round]]]:
    """Return a function that relays the events of these records and returns when all outboxes are empty."""
    stack = installation.services
    client = connect(stack.database_uris["assignment"], "bench")
    outbox = Outbox(client[stack.databases["assignment"]][_COLLECTION])
    await outbox.ensure_index()
    publisher = Publisher(stack.amqp_url, [1], name="bench")
    await publisher.open()

    async def relay(document_ids: list[str]) -> Round:
        one = Relay("bench", publisher, [outbox])
        one.wake_many(_COLLECTION, document_ids)
        one.stop()
        began = perf_counter()
        await one.run()
        return Round(len(document_ids), perf_counter() - began)

    yield relay
    await publisher.close()
    client.close()


@asynccontextmanager
async def _exchange(amqp_url: str) -> AsyncIterator[AbstractExchange]:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield await channel.get_exchange(EXCHANGE)


async def _publish(exchange: AbstractExchange, body: bytes, key: str) -> Round:
    left = iter(range(_EVENTS))

    async def publish_in_turn() -> None:
        for _ in left:
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, key, mandatory=True)

    began = perf_counter()
    await asyncio.gather(*(publish_in_turn() for _ in range(_IN_FLIGHT)))
    return Round(_EVENTS, perf_counter() - began)
