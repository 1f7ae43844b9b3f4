"""Every event of tasks and deadlines that a stack publishes, with repeats."""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika

from deploy.local.stack import Stack
from shared.events.codec import decode
from shared.events.envelope import Event
from shared.messaging.topology import EXCHANGE
from tests.support.servers import unique

_AT_ONCE = 500


class PublishedEvents:
    """Reads a queue of its own, which survives a restart of the broker. It must exist before the first task."""

    def __init__(self, stack: Stack, queue: str) -> None:
        self._address = stack.servers.rabbitmq.administrator_uri(stack.vhost)
        self._queue = queue
        self._read: list[Event[Any]] = []

    @classmethod
    async def recorded_on(cls, stack: Stack) -> PublishedEvents:
        published = cls(stack, unique("published"))
        async with await aio_pika.connect(published._address) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(published._queue, durable=True, arguments={"x-queue-type": "quorum"})
            for events in ("task.#", "deadline.#"):
                await queue.bind(EXCHANGE, events)
        return published

    async def read(self) -> list[Event[Any]]:
        """Return every event published so far."""
        async with await aio_pika.connect(self._address) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=_AT_ONCE)
            queue = await channel.declare_queue(self._queue, passive=True)
            waiting = queue.declaration_result.message_count or 0
            async with asyncio.timeout(60), queue.iterator() as messages:
                while waiting:
                    message = await anext(messages)
                    self._read.append(decode(message.body))
                    await message.ack()
                    waiting -= 1
        return self._read
