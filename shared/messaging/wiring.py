"""What a service's composition root calls: the relay and the consumer, started and stopped in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog
from aio_pika.exceptions import AMQPError

from shared.messaging.consumer import PATIENCE_SECONDS, Consumer, Handler
from shared.messaging.outbox import Outbox
from shared.messaging.publisher import Publisher, is_own_cancellation
from shared.messaging.queue_depths import QueueDepths
from shared.messaging.relay import Relay
from shared.messaging.retry import growing_waits
from shared.messaging.stall import LOOK_SECONDS, StallDetector
from shared.mongo import is_away

if TYPE_CHECKING:
    from shared.mongo import Collection

_log = structlog.get_logger(__name__)

_DRAIN_SECONDS: Final = 5.0


async def _nothing() -> None:
    """Prepare nothing."""


class Messaging:
    """A service's part in the exchange of events. Making one does no I/O, so that stores can be given its `relay`."""

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
        self.relay = Relay(service, self._publisher, self._outboxes, sweep_interval=sweep_interval)
        self.prepared = asyncio.Event()
        self.started = asyncio.Event()

    async def is_up(self) -> bool:
        """Whether the broker is there and everything has started."""
        return self.started.is_set() and self._publisher.is_connected

    async def measure(self) -> None:
        """Bring the gauges of the service's queues and outboxes up to date."""
        await asyncio.gather(self._depths.measure(), self.relay.measure())

    @property
    def in_flight(self) -> int:
        """How many messages are being handled now."""
        return self._consumer.in_flight if self._consumer else 0

    @asynccontextmanager
    async def running(
        self, handlers: Mapping[str, Handler], *, prepare: Callable[[], Awaitable[None]] = _nothing
    ) -> AsyncIterator[None]:
        """Relay and consume while inside; servers that are away are waited for in the background.

        The order: `prepare` (the service's indexes) and the outboxes' own index, then `prepared` is set; the whole
        topology; the relay; the consumer, then `started` is set. At the end the handlers that run finish, the relay
        publishes what it was woken for (within seconds), and what is left waits in the outboxes.
        """
        starting = asyncio.create_task(self._start(handlers, prepare), name=f"{self._service}: start of messaging")
        try:
            yield
        finally:
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            await self._stop()

    async def _start(self, handlers: Mapping[str, Handler], prepare: Callable[[], Awaitable[None]]) -> None:
        await _until_done("indexes", lambda: self._prepare(prepare))
        self.prepared.set()
        await _until_done("broker", self._publisher.open)
        if self._outboxes:
            self._relaying = asyncio.create_task(_until_done("relay", self.relay.run), name=f"{self._service}: relay")
        await _until_done("consumer", lambda: self._consume(handlers))
        self.started.set()
        _log.info("messaging_started", service=self._service)
        await _until_done("watch over the consumer", lambda: self._watch(handlers))

    async def _watch(self, handlers: Mapping[str, Handler]) -> None:
        """Begin anew, on a connection of its own, with a consumer to which nothing comes although messages wait."""
        while (consumer := self._consumer) is not None:
            stall = StallDetector(self._service, consumer, self._publisher)
            while not await stall.is_found():  # noqa: ASYNC110 - it is the broker's, which must be asked
                await asyncio.sleep(self._look_interval)
            _log.warning("consumer_begun_anew", service=self._service, taken=consumer.taken)
            await consumer.stop()
            self._consumer = None
            await _until_done("consumer", lambda: self._consume(handlers))

    async def _prepare(self, prepare: Callable[[], Awaitable[None]]) -> None:
        await prepare()
        for outbox in self._outboxes:
            await outbox.ensure_index()

    async def _consume(self, handlers: Mapping[str, Handler]) -> None:
        consumer = Consumer(
            self._service,
            self._amqp_url,
            self._publisher,
            handlers,
            retry_delays=self._retry_delays,
            prefetch=self._prefetch,
            patience=self._patience,
        )
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
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying


async def _until_done(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do it again until it succeeds: a server that is away is no reason to give up, and neither is a surprise."""
    waits = growing_waits()
    while True:
        try:
            return await work()
        except asyncio.CancelledError:
            if is_own_cancellation():
                raise
            _log.warning("broker_lost", what=what)
        except (AMQPError, OSError) as error:
            _log.warning("broker_away", what=what, error=str(error))
        except Exception as error:  # noqa: BLE001 - logged; ending silently would stop all events
            if is_away(error):
                _log.warning("mongodb_away", what=what, error=str(error))
            else:
                _log.exception("messaging_failed", what=what)
        await asyncio.sleep(next(waits))
