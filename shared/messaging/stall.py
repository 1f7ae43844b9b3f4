"""Detects a stalled consumer: it receives nothing, although its connection is open and messages wait.

When a queue is deleted under load and declared again at once, RabbitMQ may not cancel the consumer, or may count
messages as delivered that it never sent. The client cannot tell this from a quiet night; only the broker knows.
"""

from __future__ import annotations

from typing import Final

from shared.messaging.consumer import Consumer
from shared.messaging.publisher import BROKER_AWAY, Publisher
from shared.messaging.topology import events_queue

LOOK_SECONDS: Final = 5.0


class StallDetector:
    """Detects the stall of one consumer. Call `is_found` every few seconds."""

    def __init__(self, service: str, consumer: Consumer, publisher: Publisher) -> None:
        self._queue = events_queue(service)
        self._consumer = consumer
        self._publisher = publisher
        self._received = -1
        self._waited = False

    async def is_found(self) -> bool:
        """Whether the consumer was cancelled, or messages waited at the last two calls and none came between them.

        Counting declares a queue again that was deleted. Its messages wait, because it has no consumer yet.
        """
        if self._consumer.is_cancelled:
            return True
        idle = self._consumer.in_flight == 0 and self._consumer.received == self._received
        self._received = self._consumer.received
        waited, self._waited = self._waited, idle and await self._something_waits()
        return waited and self._waited and self._consumer.received == self._received

    async def _something_waits(self) -> bool:
        try:
            counted = await self._publisher.count([self._queue])
        except BROKER_AWAY:
            return False
        return counted[self._queue] > 0
