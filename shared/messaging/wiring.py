"""Starts and stops the relay and the consumer of a service in the right order; called by the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from shared.background import end, is_own_cancellation, supervise
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import PATIENCE_SECONDS, DeliveryPolicy
from shared.messaging.outbox import Outbox
from shared.messaging.publisher import BROKER_AWAY, Publisher
from shared.messaging.queue_depths import QueueDepths
from shared.messaging.relay import Relay
from shared.messaging.router import EventRouter
from shared.messaging.stall import LOOK_SECONDS, StallDetector
from shared.messaging.topology import events_queue

if TYPE_CHECKING:
    from shared.mongo import Collection

_log = structlog.get_logger(__name__)

_DRAIN_SECONDS: Final = 5.0


async def _nothing() -> None:
    """Prepare nothing."""


class Messaging:
    """What publishes and consumes for one service. The constructor does no I/O, so stores can be given `relay`."""

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        service: str,
        amqp_url: str,
        *,
        retry_delays: Sequence[float],
        prefetch: int,
        outboxes: Sequence[Collection] = (),
        sweep_interval: float = 5.0,
        patience: float = PATIENCE_SECONDS,
        look_interval: float = LOOK_SECONDS,
    ) -> None:
        if not retry_delays:
            raise ValueError("at least one retry delay is needed")
        self._service = service
        self._amqp_url = amqp_url
        self._retry_delays = retry_delays
        self._prefetch = prefetch
        self._patience = patience
        self._look_interval = look_interval
        self._outboxes = [Outbox(collection) for collection in outboxes]
        self._publisher = Publisher(amqp_url, retry_delays, name=service)
        self._depths = QueueDepths(service, self._publisher, retry_delays)
        self._consumer: Consumer | None = None
        self._relaying: asyncio.Task[None] | None = None
        self._may_read = True
        self.relay = Relay(service, self._publisher, self._outboxes, sweep_interval=sweep_interval)
        self.prepared = asyncio.Event()
        self.started = asyncio.Event()

    async def is_up(self) -> bool:
        """Whether the broker is connected, everything has started, and events reach the service."""
        if not (self.started.is_set() and self._publisher.is_connected and self._may_read and self._consumer):
            return False
        return await self._consumer.is_consuming()

    async def waiting(self) -> int | None:
        """Return how many messages are ready in the service's queue of events; None if the broker does not answer."""
        queue = events_queue(self._service)
        try:
            return (await self._publisher.count([queue]))[queue]
        except BROKER_AWAY:
            return None
        except asyncio.CancelledError:
            if is_own_cancellation():
                raise
            return None  # the connection was lost before the answer

    async def measure(self) -> None:
        """Update the gauges of the service's queues and outboxes."""
        await asyncio.gather(self._depths.measure(), self.relay.measure())

    @property
    def in_flight(self) -> int:
        """How many messages are being handled now."""
        return self._consumer.in_flight if self._consumer else 0

    @asynccontextmanager
    async def running(
        self, router: EventRouter, *, prepare: Callable[[], Awaitable[None]] = _nothing
    ) -> AsyncIterator[None]:
        """Publish and consume inside the block. Servers that are away are waited for in the background.

        It starts in this order: `prepare` (the service's indexes) and the index of the outboxes, then `prepared` is
        set; the topology; the relay; the consumer, then `started` is set. At the end running handlers finish, and the
        relay publishes the woken records, for a few seconds at most. Other events stay in the outboxes.
        """
        starting = asyncio.create_task(self._start(router, prepare), name=f"{self._service}: start of messaging")
        try:
            yield
        finally:
            await end(starting)
            await self._stop()

    async def _start(self, router: EventRouter, prepare: Callable[[], Awaitable[None]] = _nothing) -> None:
        await self._supervise("indexes", lambda: self._prepare(prepare))
        self.prepared.set()
        await self._supervise("broker", self._publisher.open)
        if self._outboxes:
            self._relaying = asyncio.create_task(
                self._supervise("relay", self.relay.run), name=f"{self._service}: relay"
            )
        await self._supervise("consumer", lambda: self._consume(router))
        self.started.set()
        _log.info("messaging_started", service=self._service)
        await self._supervise("consumer_watch", lambda: self._watch(router))

    async def _supervise(self, task: str, run: Callable[[], Awaitable[None]]) -> None:
        await supervise(self._service, task, run)

    async def _watch(self, router: EventRouter) -> None:
        """Restart a stalled consumer on a new connection."""
        while (consumer := self._consumer) is not None:
            stall = StallDetector(self._service, consumer, self._publisher)
            # Only the broker knows, so it must be polled.
            while not await stall.look():
                self._may_read = await self._publisher.may_read(self._service)
                await asyncio.sleep(self._look_interval)
            _log.warning("consumer_restarted", service=self._service, received=consumer.received)
            await consumer.stop()
            self._consumer = None
            await self._supervise("consumer", lambda: self._consume(router))

    async def _prepare(self, prepare: Callable[[], Awaitable[None]] = _nothing) -> None:
        await prepare()
        for outbox in self._outboxes:
            await outbox.ensure_index()

    async def _consume(self, router: EventRouter) -> None:
        policy = DeliveryPolicy(
            self._service, self._publisher, retry_delays=self._retry_delays, patience=self._patience
        )
        consumer = Consumer(self._service, self._amqp_url, router, policy, prefetch=self._prefetch)
        await consumer.start()
        self._consumer = consumer

    async def _stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
        if self._relaying is not None:
            await self._drain(self._relaying)
        await self._publisher.close()

    async def _drain(self, relaying: asyncio.Task[None]) -> None:
        self.relay.stop()
        if self._publisher.is_connected:
            await asyncio.wait([relaying], timeout=_DRAIN_SECONDS)
        await end(relaying)
