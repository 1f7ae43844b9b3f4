"""What becomes of a message that a service consumes: one FastStream middleware, the same for every handler.

| what happens | what becomes of the message |
|---|---|
| the handler returns | acknowledged |
| the handler raises | a copy waits in the next retry queue; after the last delay in the dead-letter queue |
| the bytes are no event, or break their contract | the dead-letter queue, at once |
| the name is not known | as if a handler had raised: a later version of the service may know it by then |
| the name is known, but no handler subscribes to it | acknowledged |
| MongoDB is away | handled again in place; after some minutes it waits in the first retry queue; counts as no failure |
| the broker is away | the copy is published again until the broker confirms it; no failure is counted |

FastStream calls the middleware in this order: `on_receive`; the filters of the router, which decode the message;
`consume_scope` with the handler whose filter matched; `after_processed`, with what was raised if there was no handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from time import perf_counter
from types import TracebackType
from typing import Any, Final, TypeAlias, cast

import structlog
from aio_pika import IncomingMessage
from faststream import BaseMiddleware, ContextRepo
from faststream.exceptions import SubscriberNotFound
from faststream.message import StreamMessage

from shared.background import growing_waits
from shared.clock import true_now
from shared.events.codec import UnknownEventError, UnreadableEventError, decode
from shared.events.envelope import Event
from shared.messaging.acknowledging import Acknowledgements
from shared.messaging.context import handling
from shared.messaging.metrics import AGE_SECONDS, HANDLED, HANDLING_SECONDS, IN_FLIGHT
from shared.messaging.publisher import BROKER_AWAY, NotPublishedError, Publisher, make_message
from shared.messaging.relay import RECORDED_AT
from shared.messaging.retry import HEADER_PREFIX, Failures, RetryLater, next_delay
from shared.messaging.topology import dead_queue, retry_queue
from shared.mongo import is_away

_log = structlog.get_logger(__name__)

# The broker takes a message back after 30 minutes, and counts a delivery. A message is held much shorter than that.
PATIENCE_SECONDS: Final = 300.0
_UNREADABLE: Final = "unreadable"
# One label for all names that are not known: there may be any number of them.
_UNKNOWN: Final = "unknown"

_CallNext: TypeAlias = Callable[[StreamMessage[Any]], Awaitable[Any]]


class _AwayError(Exception):
    """MongoDB has been away for as long as a message is held in place."""


class _StoppingError(Exception):
    """The service stops while a message waits: it stays unacknowledged, and the broker delivers it again."""


class DeliveryPolicy:
    """The policy of one service's consumer; FastStream calls it for each message.

    A message that waits for MongoDB is held for `patience` seconds. Then it waits in the first retry queue instead.
    """

    def __init__(
        self, service: str, publisher: Publisher, *, retry_delays: Sequence[float], patience: float = PATIENCE_SECONDS
    ) -> None:
        self.service = service
        self.patience = patience
        self.in_flight = 0
        self.received = 0
        self._publisher = publisher
        self._retry_delays = retry_delays
        self._stopping = asyncio.Event()
        self._acknowledgements = Acknowledgements()
        self._in_flight = IN_FLIGHT.labels(service)

    def __call__(self, msg: Any, /, *, context: ContextRepo) -> BaseMiddleware[Any, Any]:
        return _Delivery(msg, context=context, policy=self)

    def stop(self) -> None:
        """Let messages that wait for MongoDB or the broker give up at once."""
        self._stopping.set()

    def begin(self) -> None:
        self.in_flight += 1
        self.received += 1
        self._in_flight.inc()

    def end(self) -> None:
        self.in_flight -= 1
        self._in_flight.dec()

    async def acknowledge(self, message: IncomingMessage) -> None:
        """Acknowledge the message, with those that end at the same moment.

        Raises:
            one of BROKER_AWAY: the broker may deliver it again.

        """
        await self._acknowledgements.acknowledge(message)

    async def retry(self, message: IncomingMessage, error: Exception) -> str:
        """Move the message to the next retry queue, or to the dead letters after the last delay; return which."""
        failures = Failures.of(message.headers).and_then(error, true_now())
        delay = next_delay(failures, self._retry_delays)
        if delay is None:
            return await self.bury(message, failures)
        expected = isinstance(error, RetryLater | UnknownEventError)
        _log.warning(
            "event_to_be_retried", error=failures.error, next_attempt_in=delay, exc_info=not expected and error
        )
        headers = {**_ours(message.headers), **failures.headers()}
        await self._move(message, retry_queue(self.service, delay), headers)
        return "retried"

    async def park(self, message: IncomingMessage) -> str:
        """Move the message to the first retry queue without counting a failure."""
        await self._move(message, retry_queue(self.service, self._retry_delays[0]), _ours(message.headers))
        return "parked"

    async def bury(self, message: IncomingMessage, failures: Failures) -> str:
        """Move the message to the dead letters."""
        _log.error("event_dead", message_id=message.message_id, attempts=failures.count, error=failures.error)
        headers = {**_recorded_at(message.headers), **failures.dead_letter_headers()}
        await self._move(message, dead_queue(self.service), headers)
        return "dead"

    async def _move(self, message: IncomingMessage, queue: str, headers: Mapping[str, Any]) -> None:
        """Publish a copy to another queue, however long that takes. Then the message may be acknowledged."""
        event_id, event_type = message.message_id or "", message.type or ""
        copy = make_message(message.body, event_id=event_id, event_type=event_type, headers=headers)
        waits = growing_waits()
        while True:
            try:
                return await self._publisher.publish(copy, queue)
            except NotPublishedError as error:
                _log.warning("message_not_moved", queue=queue, error=str(error))
            await self.pause(next(waits))

    async def pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
            raise _StoppingError


class _Delivery(BaseMiddleware[Any, IncomingMessage]):
    """One message on its way through FastStream; `after_processed` acknowledges it."""

    __slots__ = ("_event_type", "_outcome", "_policy")

    def __init__(self, msg: IncomingMessage, /, *, context: ContextRepo, policy: DeliveryPolicy) -> None:
        super().__init__(msg, context=context)
        self._policy = policy
        self._event_type = _UNKNOWN
        self._outcome = "ignored"

    async def on_receive(self) -> None:
        self._policy.begin()

    async def consume_scope(self, call_next: _CallNext, msg: StreamMessage[Any]) -> None:
        """Call the handler. What it raises decides what becomes of the message."""
        event = cast("Event[Any]", await msg.decode())
        self._event_type = event.type
        with handling(event):
            self._outcome = await self._handle(call_next, msg)

    async def _handle(self, call_next: _CallNext, msg: StreamMessage[Any]) -> str:
        try:
            await self._call(call_next, msg)
        except _StoppingError:
            raise
        except _AwayError:
            return await self._policy.park(self.msg)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the message is kept for another attempt
            return await self._policy.retry(self.msg, error)
        self._measure_age()
        return "ok"

    async def _call(self, call_next: _CallNext, msg: StreamMessage[Any]) -> None:
        """Call the handler, again and again while MongoDB is away."""
        patience_ends = perf_counter() + self._policy.patience
        waits = growing_waits()
        while True:
            try:
                with HANDLING_SECONDS.labels(self._policy.service, self._event_type).time():
                    await call_next(msg)
                    return
            except Exception as error:
                if not is_away(error):
                    raise
                if perf_counter() > patience_ends:
                    raise _AwayError from error
                _log.warning("mongodb_away", error=str(error))
            await self._policy.pause(next(waits))

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,  # noqa: ARG002 - FastStream's signature
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,  # noqa: ARG002 - FastStream's signature
    ) -> bool:
        """Acknowledge the message, after its copy is safe where it needs one. A cancelled message is left."""
        try:
            if exc_val is not None and not isinstance(exc_val, Exception):
                return False
            await self._finish(exc_val)
        finally:
            self._policy.end()
        return True

    async def _finish(self, error: Exception | None) -> None:
        try:
            if error is not None:
                await self._decide(error)
        except _StoppingError:
            _log.info("message_left_for_later", message_id=self.msg.message_id)
        else:
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        try:
            await self._policy.acknowledge(self.msg)
        except BROKER_AWAY as away:
            # The broker delivers a message again that is not acknowledged.
            _log.info("message_not_acknowledged", message_id=self.msg.message_id, error=str(away))
        else:
            HANDLED.labels(self._policy.service, self._event_type, self._outcome).inc()

    async def _decide(self, error: Exception) -> None:
        """Decide what becomes of a message that reached no handler."""
        try:
            await self._decide_expected(error)
        except _StoppingError:
            raise
        except Exception as unexpected:  # noqa: BLE001 - logged, and the message is kept
            # A message that is never acknowledged would occupy a place of the prefetch for ever.
            _log.exception("message_not_processed", message_id=self.msg.message_id)
            now = true_now().isoformat()
            # Its name only: even to turn the error into a text may fail.
            await self._bury(Failures(1, now, now, type(unexpected).__name__))

    async def _decide_expected(self, error: Exception) -> None:
        match error:
            case SubscriberNotFound():
                # The filters have decoded it, so its name is known.
                self._event_type = decode(self.msg.body).type
            case UnreadableEventError():
                await self._bury(Failures.of(self.msg.headers).and_then(error, true_now()))
            case UnknownEventError():
                self._outcome = await self._policy.retry(self.msg, error)
            case _:
                raise error

    async def _bury(self, failures: Failures) -> None:
        self._event_type = _UNREADABLE
        self._outcome = await self._policy.bury(self.msg, failures)

    def _measure_age(self) -> None:
        recorded = _moment(self.msg.headers.get(RECORDED_AT))
        if recorded is not None:
            age = (true_now() - recorded).total_seconds()
            AGE_SECONDS.labels(self._policy.service, self._event_type).observe(max(age, 0.0))


def _ours(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Keep our own headers only: with the broker's `x-death` the copy would look like a cycle, and be dropped."""
    return {name: value for name, value in headers.items() if name.startswith(HEADER_PREFIX)}


def _recorded_at(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {RECORDED_AT: headers[RECORDED_AT]} if RECORDED_AT in headers else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
