"""Takes a service's events from its queue, each with one handler call, and loses none.

| what happens | what becomes of the message |
|---|---|
| the handler returns | acknowledged |
| the handler raises | a copy waits in the next retry queue; after the last delay in the dead-letter queue |
| nobody can read the bytes | the dead-letter queue, at once |
| a name that is not known | as if a handler had raised: a later version of the service may know it by then |
| a known name without a handler | acknowledged |
| MongoDB or the broker is away | tried again in place, without bound, counting nothing |
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from time import perf_counter
from typing import Any, Final, TypeAlias, cast

import structlog
from aio_pika import RobustChannel
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas.queue import QuorumQueueArgs
from faststream.rabbit.utils import RabbitClientProperties

from shared.clock import true_now
from shared.events.codec import UnknownEventError, UnreadableEventError, decode
from shared.events.envelope import Event
from shared.messaging.context import handling
from shared.messaging.metrics import AGE_SECONDS, HANDLED, HANDLING_SECONDS, IN_FLIGHT
from shared.messaging.publisher import (
    BROKER_AWAY,
    HEARTBEAT_SECONDS,
    RECONNECT_SECONDS,
    NotPublishedError,
    Publisher,
    make_message,
)
from shared.messaging.relay import RECORDED_AT
from shared.messaging.retry import HEADER_PREFIX, Failures, RetryLater, growing_waits, next_delay
from shared.messaging.topology import BINDINGS, EXCHANGE, dead_queue, events_arguments, events_queue, retry_queue
from shared.mongo import is_away

_log = structlog.get_logger(__name__)

Handler: TypeAlias = Callable[[Event[Any]], Awaitable[None]]

# A message held much longer than this would be taken back by the broker (after 30 minutes), which counts a delivery.
PATIENCE_SECONDS: Final = 300.0
GRACE_SECONDS: Final = 15.0
_UNREADABLE: Final = "unreadable"
# One label for all of them: names that are not known are without number.
_UNKNOWN: Final = "unknown"


class _AwayError(Exception):
    """MongoDB has been away for as long as a message is held in place."""


class _StoppingError(Exception):
    """The service ends while a message waits: it stays unacknowledged and comes again."""


class Consumer:
    """One service's subscriber; needs the topology declared.

    A message that waits for MongoDB is held for `patience` seconds, then it waits in the first retry queue instead.
    """

    def __init__(
        self,
        service: str,
        amqp_url: str,
        publisher: Publisher,
        handlers: Mapping[str, Handler],
        *,
        retry_delays: Sequence[float],
        prefetch: int,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._service = service
        self._publisher = publisher
        self._handlers = handlers
        self._retry_delays = retry_delays
        self._patience = patience
        self._stopping = asyncio.Event()
        self._in_flight = 0
        self._taken = 0
        self._is_cancelled = False
        self._queue = _queue(service)
        self._broker = _broker(amqp_url, prefetch)
        self._broker.subscriber(self._queue, ack_policy=AckPolicy.MANUAL)(self._take)

    @property
    def in_flight(self) -> int:
        """How many messages are being handled now."""
        return self._in_flight

    @property
    def taken(self) -> int:
        """How many messages have come since the start."""
        return self._taken

    @property
    def is_cancelled(self) -> bool:
        """Whether the broker has ever taken the queue away from this consumer."""
        return self._is_cancelled

    async def start(self) -> None:
        """Consume from now on, also after the broker or the queue was away.

        Raises:
            one of BROKER_AWAY: the broker is not there, or refuses.

        """
        try:
            await self._broker.connect()
            # Declared and bound here, on the channel that consumes, the queue is made anew when somebody deletes it.
            queue = await self._broker.declare_queue(self._queue)
            for key in BINDINGS[self._service]:
                await queue.bind(EXCHANGE, key)
            await self._broker.start()
            await self._listen(cast("RobustChannel", queue.channel))
        except BaseException:
            await self._broker.stop()
            raise

    async def _listen(self, channel: RobustChannel) -> None:
        """Hear of a queue that is taken away, also on the channels that come after this one."""

        async def listen(*_: object) -> None:
            wire = await channel.get_underlay_channel()
            wire.on_consumer_cancel_callbacks.add(self._on_cancelled)

        channel.reopen_callbacks.add(listen)
        await listen()

    def _on_cancelled(self, *_: object) -> None:
        self._is_cancelled = True

    async def stop(self) -> None:
        """Take no more messages and let the handlers that run finish; those that wait for MongoDB give up at once."""
        self._stopping.set()
        await self._broker.stop()

    async def _take(self, message: RabbitMessage) -> None:
        self._in_flight += 1
        self._taken += 1
        IN_FLIGHT.labels(self._service).inc()
        try:
            event_type, outcome = await self._settle(message)
            await message.ack()
            HANDLED.labels(self._service, event_type, outcome).inc()
        except _StoppingError:
            _log.info("message_left_for_later", message_id=message.raw_message.message_id)
        except BROKER_AWAY as error:
            # Without the acknowledgement the message comes again.
            _log.info("message_not_acknowledged", message_id=message.raw_message.message_id, error=str(error))
        finally:
            self._in_flight -= 1
            IN_FLIGHT.labels(self._service).dec()

    async def _settle(self, message: RabbitMessage) -> tuple[str, str]:
        """Return the name and the outcome, once the message may be acknowledged."""
        try:
            return await self._read_and_handle(message)
        except (_StoppingError, *BROKER_AWAY):
            raise
        except Exception as error:  # noqa: BLE001 - logged, and the message kept
            # Never expected; but a message that stays taken for ever would take a place from all others.
            _log.exception("message_not_settled", message_id=message.raw_message.message_id)
            now = true_now().isoformat()
            await self._bury(message, Failures(1, now, now, type(error).__name__))
            return _UNREADABLE, "dead"

    async def _read_and_handle(self, message: RabbitMessage) -> tuple[str, str]:
        try:
            event = decode(message.body)
        except UnreadableEventError as error:
            await self._bury(message, Failures.of(message.headers).and_then(error, true_now()))
            return _UNREADABLE, "dead"
        except UnknownEventError as error:
            return _UNKNOWN, await self._fail(message, error)
        handler = self._handlers.get(event.type)
        if handler is None:
            return event.type, "ignored"
        with handling(event):
            return event.type, await self._outcome(handler, event, message)

    async def _outcome(self, handler: Handler, event: Event[Any], message: RabbitMessage) -> str:
        try:
            await self._run(handler, event)
        except _StoppingError:
            raise
        except _AwayError:
            await self._move(message, retry_queue(self._service, self._retry_delays[0]), _ours(message.headers))
            return "parked"
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is kept for another attempt
            return await self._fail(message, error)
        self._measure_age(event, message)
        return "ok"

    async def _run(self, handler: Handler, event: Event[Any]) -> None:
        """Call the handler, again and again while MongoDB is away."""
        patience_ends = perf_counter() + self._patience
        waits = growing_waits()
        while True:
            try:
                with HANDLING_SECONDS.labels(self._service, event.type).time():
                    return await handler(event)
            except Exception as error:
                if not is_away(error):
                    raise
                if perf_counter() > patience_ends:
                    raise _AwayError from error
                _log.warning("mongodb_away", error=str(error))
            await self._pause(next(waits))

    async def _fail(self, message: RabbitMessage, error: Exception) -> str:
        failures = Failures.of(message.headers).and_then(error, true_now())
        delay = next_delay(failures, self._retry_delays)
        if delay is None:
            await self._bury(message, failures)
            return "dead"
        early = isinstance(error, RetryLater | UnknownEventError)
        _log.warning("event_to_be_retried", error=failures.error, next_attempt_in=delay, exc_info=not early and error)
        headers = {**_ours(message.headers), **failures.headers()}
        await self._move(message, retry_queue(self._service, delay), headers)
        return "retried"

    async def _bury(self, message: RabbitMessage, failures: Failures) -> None:
        message_id = message.raw_message.message_id
        _log.error("event_dead", message_id=message_id, attempts=failures.count, error=failures.error)
        headers = {**_recorded_at(message.headers), **failures.headers_of_the_dead()}
        await self._move(message, dead_queue(self._service), headers)

    async def _move(self, message: RabbitMessage, queue: str, headers: Mapping[str, Any]) -> None:
        """Put a copy into another queue, however long that takes; the message itself may then be acknowledged."""
        raw = message.raw_message
        copy = make_message(raw.body, event_id=raw.message_id or "", event_type=raw.type or "", headers=headers)
        waits = growing_waits()
        while True:
            try:
                return await self._publisher.publish(copy, queue)
            except NotPublishedError as error:
                _log.warning("message_not_moved", queue=queue, error=str(error))
            await self._pause(next(waits))

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
            raise _StoppingError

    def _measure_age(self, event: Event[Any], message: RabbitMessage) -> None:
        recorded = _moment(message.headers.get(RECORDED_AT))
        if recorded is not None:
            age = (true_now() - recorded).total_seconds()
            AGE_SECONDS.labels(self._service, event.type).observe(max(age, 0.0))


def _queue(service: str) -> RabbitQueue:
    arguments = cast("QuorumQueueArgs", events_arguments(service))
    return RabbitQueue(events_queue(service), queue_type=QueueType.QUORUM, arguments=arguments)


def _broker(amqp_url: str, prefetch: int) -> RabbitBroker:
    return RabbitBroker(
        amqp_url,
        client_properties=RabbitClientProperties(heartbeat=HEARTBEAT_SECONDS),
        fail_fast=True,
        reconnect_interval=RECONNECT_SECONDS,
        # The one channel there is: what is declared on it is restored on it.
        default_channel=Channel(prefetch_count=prefetch),
        graceful_timeout=GRACE_SECONDS,
        decoder=_whole,
        apply_types=False,
        # Its line for each message costs a third of the rate.
        logger=None,
    )


async def _whole(message: RabbitMessage) -> RabbitMessage:
    """Leave the reading to the handler, which also needs the headers and knows what unreadable bytes deserve."""
    return message


def _ours(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Keep our own headers: the broker's account of dead-lettering would make it see a circle and drop the copy."""
    return {name: value for name, value in headers.items() if name.startswith(HEADER_PREFIX)}


def _recorded_at(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {RECORDED_AT: headers[RECORDED_AT]} if RECORDED_AT in headers else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
