"""How many messages wait in a service's queues. The broker is asked over AMQP at each scrape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from shared.messaging.metrics import DEAD_LETTERS, QUEUE_MESSAGES
from shared.messaging.publisher import BROKER_AWAY, Publisher
from shared.messaging.topology import dead_queue, events_queue, retry_queue

_log = structlog.get_logger(__name__)

_READY: Final = "ready"
_RETRYING: Final = "retrying"


class QueueDepths:
    """The gauges of one service's queues."""

    def __init__(self, service: str, publisher: Publisher, retry_delays: Sequence[float]) -> None:
        self._service = service
        self._publisher = publisher
        self._retrying = [retry_queue(service, delay) for delay in retry_delays]

    async def measure(self) -> None:
        """Update the gauges. Without an answer of the broker, remove them: an old number would look like a new one."""
        queues = [events_queue(self._service), dead_queue(self._service), *self._retrying]
        try:
            counts = await self._publisher.count(queues)
        except BROKER_AWAY as error:
            _log.warning("queues_not_counted", error=str(error))
            self._clear()
        else:
            self._show(counts)

    def _show(self, counts: Mapping[str, int]) -> None:
        QUEUE_MESSAGES.labels(self._service, _READY).set(counts[events_queue(self._service)])
        QUEUE_MESSAGES.labels(self._service, _RETRYING).set(sum(counts[queue] for queue in self._retrying))
        DEAD_LETTERS.labels(self._service).set(counts[dead_queue(self._service)])

    def _clear(self) -> None:
        with suppress(KeyError):
            QUEUE_MESSAGES.remove(self._service, _READY)
            QUEUE_MESSAGES.remove(self._service, _RETRYING)
            DEAD_LETTERS.remove(self._service)
