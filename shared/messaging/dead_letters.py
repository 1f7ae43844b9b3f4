"""Lists, shows, replays and drops the dead letters of a service, over AMQP only.

To list them, the command gets all messages without acknowledging them, and requeues them at the end. The broker puts
them back where they were. It also requeues them when the connection breaks, but then in any order; so the list is
sorted by time. Until then nobody else can get these messages, and none is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, PublishError

from shared.messaging.publisher import HEARTBEAT_SECONDS, make_message
from shared.messaging.relay import RECORDED_AT
from shared.messaging.retry import FinalFailure
from shared.messaging.topology import dead_queue, events_queue

_PATIENCE_SECONDS: Final = 10.0

# The broker keeps the order of at most 32 messages that are requeued together.
_KEPT_IN_ORDER: Final = 32
_REQUEUE_SECONDS: Final = 1.0

NameFilter = Callable[[str], bool]
OnDone = Callable[["DeadLetter"], None]


class NoQueueError(Exception):
    """The queue does not exist: the service has never started on this broker, or somebody deleted the queue."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled. `name` is its message id, or a hash of its body if it has none."""

    name: str
    event_type: str
    subject: str
    failure: FinalFailure


@dataclass(frozen=True, slots=True)
class FullDeadLetter:
    """A dead letter with its headers and its body."""

    letter: DeadLetter
    headers: Mapping[str, Any]
    body: bytes


class DeadLetters:
    """The dead-letter queue of one service; see `open_dead_letters`."""

    def __init__(self, service: str, channel: AbstractChannel, queue: AbstractQueue) -> None:
        self._service = service
        self._channel = channel
        self._queue = queue

    async def all(self) -> list[DeadLetter]:
        """Return every dead letter, oldest first, without its body."""
        async with self._messages() as messages:
            letters = [_letter(message) async for message in messages]
        return sorted(letters, key=lambda letter: letter.failure.failed_at or "")

    async def read(self, is_wanted: NameFilter) -> list[FullDeadLetter]:
        """Return the dead letters whose names are wanted, with headers and body."""
        async with self._messages() as messages:
            return [
                FullDeadLetter(letter, message.headers, message.body)
                async for message in messages
                if is_wanted((letter := _letter(message)).name)
            ]

    async def replay(self, is_wanted: NameFilter, on_done: OnDone) -> None:
        """Send the wanted dead letters to the service again, as if they had never failed. Call `on_done` after each.

        The copy is confirmed before the dead letter is removed. A crash in between leaves both.

        Raises:
            NoQueueError: the service's queue of events does not exist. The dead letter stays.

        """
        async with self._messages() as messages:
            async for message in messages:
                if is_wanted(_name(message)):
                    await self._replay_one(message)
                    await message.ack()
                    on_done(_letter(message))

    async def drop(self, is_wanted: NameFilter, on_done: OnDone) -> None:
        """Delete the wanted dead letters. Call `on_done` after each."""
        async with self._messages() as messages:
            async for message in messages:
                if is_wanted(_name(message)):
                    await message.ack()
                    on_done(_letter(message))

    @asynccontextmanager
    async def _messages(self) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
        """Get the messages one by one. Those that are not acknowledged at the end are requeued in their old order."""
        tags: list[int] = []
        try:
            yield self._get_all(tags)
        finally:
            for start in range(0, len(tags), _KEPT_IN_ORDER):
                await self._requeue(tags[start : start + _KEPT_IN_ORDER])

    async def _get_all(self, held: list[int]) -> AsyncIterator[AbstractIncomingMessage]:
        """Yield as many messages as there were at the beginning. One that fails again is not yielded twice."""
        for _ in range(await self._count()):
            message = await self._queue.get(fail=False, timeout=_PATIENCE_SECONDS)
            if message is None:
                return
            if message.delivery_tag is not None:
                held.append(message.delivery_tag)
            yield message
            if message.processed:
                held.pop()

    async def _requeue(self, tags: Sequence[int]) -> None:
        """Requeue messages, and wait until the broker has done so. Otherwise it would mix them with the next ones."""
        channel = await self._channel.get_underlay_channel()
        before = await self._count()
        for tag in tags:
            await channel.basic_nack(delivery_tag=tag, requeue=True)
        with suppress(TimeoutError):  # somebody else got them at once
            async with asyncio.timeout(_REQUEUE_SECONDS):
                while await self._count() < before + len(tags):  # noqa: ASYNC110 - the broker must be polled
                    await asyncio.sleep(0)

    async def _count(self) -> int:
        declared = await self._queue.declare(timeout=_PATIENCE_SECONDS)
        return declared.message_count or 0

    async def _replay_one(self, message: AbstractIncomingMessage) -> None:
        queue = events_queue(self._service)
        copy = make_message(
            message.body,
            event_id=message.message_id or "",
            event_type=message.type or "",
            headers={name: value for name, value in message.headers.items() if name == RECORDED_AT},
        )
        try:
            await self._channel.default_exchange.publish(copy, queue, mandatory=True, timeout=_PATIENCE_SECONDS)
        except PublishError as error:
            raise NoQueueError(queue) from error


@asynccontextmanager
async def open_dead_letters(amqp_url: str, service: str) -> AsyncIterator[DeadLetters]:
    """Open a service's dead letters inside the block. The service itself need not run.

    Raises:
        NoQueueError: the queue does not exist.
        one of BROKER_AWAY: the broker is not there, or refuses.

    """
    connection = await aio_pika.connect(
        amqp_url,
        timeout=_PATIENCE_SECONDS,
        heartbeat=HEARTBEAT_SECONDS,
        client_properties={"connection_name": f"{service}.dead-letters"},
    )
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield DeadLetters(service, channel, await _existing_queue(channel, dead_queue(service)))


async def count_waiting(amqp_url: str, queues: Sequence[str]) -> int:
    """Return how many messages wait in these queues. A queue that does not exist counts as empty."""
    waiting = 0
    async with await aio_pika.connect(amqp_url, timeout=_PATIENCE_SECONDS) as connection:
        for name in queues:
            channel = await connection.channel()  # a queue that does not exist closes the channel
            try:
                waiting += (await _existing_queue(channel, name)).declaration_result.message_count or 0
            except NoQueueError:
                continue
    return waiting


async def _existing_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
    try:
        return await channel.declare_queue(name, passive=True, timeout=_PATIENCE_SECONDS)
    except ChannelNotFoundEntity as error:
        raise NoQueueError(name) from error


def _letter(message: AbstractIncomingMessage) -> DeadLetter:
    return DeadLetter(
        name=_name(message),
        event_type=printable(message.type or "-"),
        subject=printable(_subject(message.body)),
        failure=FinalFailure.of(message.headers),
    )


def _name(message: AbstractIncomingMessage) -> str:
    return printable(message.message_id or "") or f"sha256:{sha256(message.body).hexdigest()[:16]}"


def _subject(body: bytes) -> str:
    try:
        return str(orjson.loads(body)["subject"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "-"


def printable(text: str) -> str:
    """Escape the characters that a terminal would obey or not show."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
