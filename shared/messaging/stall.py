"""A consumer to which nothing comes any more, although its connection stands and messages wait.

When a queue is deleted under load and made anew at once, a broker may not say so, or may count messages as given to
the consumer that it never sent. Nothing on this side can tell that from a quiet night; only the broker can.
"""

from __future__ import annotations

from typing import Final

from shared.messaging.consumer import Consumer
from shared.messaging.publisher import BROKER_AWAY, Publisher
from shared.messaging.topology import events_queue

LOOK_SECONDS: Final = 5.0


class StallDetector:
    """Looks at one consumer, again and again: `is_found` is asked every few seconds."""

    def __init__(self, service: str, consumer: Consumer, publisher: Publisher) -> None:
        self._queue = events_queue(service)
        self._consumer = consumer
        self._publisher = publisher
        self._received = -1
        self._waited = False

    async def is_found(self) -> bool:
        """Whether the queue was taken away, or messages waited at this look and the last, and none came between.

        To look makes a queue anew that is not there; what comes into it then has no consumer, and waits.
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
