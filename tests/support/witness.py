"""Hears everything that is published, so that it can be told afterwards what was announced, when, and how often."""

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


class Witness:
    """A queue of its own, which outlives the broker; made before the first task is assigned."""

    def __init__(self, stack: Stack, queue: str) -> None:
        self._address = stack.servers.rabbitmq.administrator_uri(stack.vhost)
        self._queue = queue
        self._heard: list[Event[Any]] = []

    @classmethod
    async def of(cls, stack: Stack) -> Witness:
        witness = cls(stack, unique("witness"))
        async with await aio_pika.connect(witness._address) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(witness._queue, durable=True, arguments={"x-queue-type": "quorum"})
            for events in ("task.#", "deadline.#"):
                await queue.bind(EXCHANGE, events)
        return witness

    async def heard(self) -> list[Event[Any]]:
        """Return every event of tasks and deadlines published so far, repeats too."""
        async with await aio_pika.connect(self._address) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=_AT_ONCE)
            queue = await channel.declare_queue(self._queue, passive=True)
            waiting = queue.declaration_result.message_count or 0
            async with asyncio.timeout(60), queue.iterator() as messages:
                while waiting:
                    message = await anext(messages)
                    self._heard.append(decode(message.body))
                    await message.ack()
                    waiting -= 1
        return self._heard
