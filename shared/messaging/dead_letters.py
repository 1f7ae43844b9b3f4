"""A service's dead letters: looked at without being moved, replayed or dropped, over AMQP alone.

Whoever looks takes messages without acknowledging them, and gives them back when done: the broker puts them where they
were. It also does when it is the connection that ends, but then in any order among themselves; hence what is shown is
sorted by its time. Meanwhile nobody else sees them, and nothing is lost.
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

# More than 32 that it is given back together, or that a lost connection gives back, the broker puts in any order.
_KEPT_IN_ORDER: Final = 32
_PUT_BACK_SECONDS: Final = 1.0

Choice = Callable[[str], bool]
Told = Callable[["DeadLetter"], None]


class NoQueueError(Exception):
    """A queue of the service is not there: it has never started on this broker, or somebody deleted the queue."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled; `name` tells it from others, as its id does if it has one."""

    name: str
    event_type: str
    subject: str
    failure: FinalFailure


@dataclass(frozen=True, slots=True)
class Opened:
    """A dead letter with all that it carries."""

    letter: DeadLetter
    headers: Mapping[str, Any]
    body: bytes


class DeadLetters:
    """The dead-letter queue of one service; `opened` makes it."""

    def __init__(self, service: str, channel: AbstractChannel, queue: AbstractQueue) -> None:
        self._service = service
        self._channel = channel
        self._queue = queue

    async def all(self) -> list[DeadLetter]:
        """Return every dead letter, oldest first, without its body."""
        async with self._taken() as messages:
            letters = [_letter(message) async for message in messages]
        return sorted(letters, key=lambda letter: letter.failure.failed_at or "")

    async def open(self, chosen: Choice) -> list[Opened]:
        """Return those whose name is chosen, with what they carry."""
        async with self._taken() as messages:
            return [
                Opened(letter, message.headers, message.body)
                async for message in messages
                if chosen((letter := _letter(message)).name)
            ]

    async def replay(self, chosen: Choice, told: Told) -> None:
        """Give those chosen to the service once more, as if they had never failed, and tell of each when it is done.

        The copy is confirmed before the dead letter goes: what ends it in between leaves both.

        Raises:
            NoQueueError: the service's queue of events is not there; the dead letter stays.

        """
        async with self._taken() as messages:
            async for message in messages:
                if chosen(_name(message)):
                    await self._give_back(message)
                    await message.ack()
                    told(_letter(message))

    async def drop(self, chosen: Choice, told: Told) -> None:
        """Remove those chosen for good, and tell of each."""
        async with self._taken() as messages:
            async for message in messages:
                if chosen(_name(message)):
                    await message.ack()
                    told(_letter(message))

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
        """Take the messages one by one; what is not acknowledged at the end goes back in its old order."""
        tags: list[int] = []
        try:
            yield self._take(tags)
        finally:
            for start in range(0, len(tags), _KEPT_IN_ORDER):
                await self._put_back(tags[start : start + _KEPT_IN_ORDER])

    async def _take(self, held: list[int]) -> AsyncIterator[AbstractIncomingMessage]:
        """Yield as many as there were at the beginning: one that dies again at once is not met again."""
        for _ in range(await self._count()):
            message = await self._queue.get(fail=False, timeout=_PATIENCE_SECONDS)
            if message is None:
                return
            if message.delivery_tag is not None:
                held.append(message.delivery_tag)
            yield message
            if message.processed:
                held.pop()

    async def _put_back(self, tags: Sequence[int]) -> None:
        """Give messages back, and wait until the broker has them, so that it does not join them to the next ones."""
        channel = await self._channel.get_underlay_channel()
        before = await self._count()
        for tag in tags:
            await channel.basic_nack(delivery_tag=tag, requeue=True)
        with suppress(TimeoutError):  # somebody else took them at once
            async with asyncio.timeout(_PUT_BACK_SECONDS):
                while await self._count() < before + len(tags):  # noqa: ASYNC110 - asking the broker is the wait
                    await asyncio.sleep(0)

    async def _count(self) -> int:
        declared = await self._queue.declare(timeout=_PATIENCE_SECONDS)
        return declared.message_count or 0

    async def _give_back(self, message: AbstractIncomingMessage) -> None:
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
async def opened(amqp_url: str, service: str) -> AsyncIterator[DeadLetters]:
    """Look into a service's dead letters while inside; the service itself need not run.

    Raises:
        NoQueueError: there is no such queue.
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
        yield DeadLetters(service, channel, await _found(channel, dead_queue(service)))


async def count_waiting(amqp_url: str, queues: Sequence[str]) -> int:
    """Return how many messages wait in those of the queues that are there."""
    waiting = 0
    async with await aio_pika.connect(amqp_url, timeout=_PATIENCE_SECONDS) as connection:
        for name in queues:
            channel = await connection.channel()  # which a queue that is not there closes
            try:
                waiting += (await _found(channel, name)).declaration_result.message_count or 0
            except NoQueueError:
                continue
    return waiting


async def _found(channel: AbstractChannel, name: str) -> AbstractQueue:
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
    """Write what a terminal would obey, or not show, as an escape."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
