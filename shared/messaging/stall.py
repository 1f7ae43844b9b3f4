"""Detects a stalled consumer: it receives nothing, although its connection is open and messages wait.

When a queue is deleted under load and declared again at once, RabbitMQ may not cancel the consumer, or may count
messages as delivered that it never sent. The client cannot tell this from a quiet night; only the broker knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.messaging.consumer import Consumer
from shared.messaging.publisher import BROKER_AWAY, Publisher
from shared.messaging.topology import events_queue

LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Look:
    """How many messages the consumer had received at a look, and whether messages waited for an idle consumer."""

    received: int
    waits: bool


class StallDetector:
    """Detects the stall of one consumer. Call `look` every few seconds."""

    def __init__(self, service: str, consumer: Consumer, publisher: Publisher) -> None:
        self._queue = events_queue(service)
        self._consumer = consumer
        self._publisher = publisher
        self._last = _Look(received=-1, waits=False)

    async def look(self) -> bool:
        """Look once, and return whether there is a stall.

        There is one if the broker cancelled the consumer, or if messages waited at this look and at the last one, and
        the consumer received none from the last look to the end of this one. Counting declares a deleted queue again;
        its messages wait, because it has no consumer yet.
        """
        if self._consumer.is_cancelled:
            return True
        last, received = self._last, self._consumer.received
        is_idle = self._consumer.in_flight == 0 and received == last.received
        self._last = _Look(received, waits=is_idle and await self._something_waits())
        return last.waits and self._last.waits and self._consumer.received == received

    async def _something_waits(self) -> bool:
        try:
            counted = await self._publisher.count([self._queue])
        except BROKER_AWAY:
            return False
        return counted[self._queue] > 0
