"""Acknowledges deliveries: those whose handlers end in the same turn of the event loop, together.

Handlers that wait for the same batch of MongoDB end at the same moment. A `basic.ack` with `multiple` acknowledges a
delivery and all before it on its channel. It is one write to the socket, where twenty acknowledgements are twenty, and
the queue does the rest of its work once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextvars import Context
from typing import TYPE_CHECKING, NamedTuple, cast
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from aio_pika import IncomingMessage
    from aiormq.abc import AbstractChannel


class Acknowledgement(NamedTuple):
    """Acknowledges the delivery of this tag and, with `multiple`, all before it on its channel."""

    tag: int
    multiple: bool


class HandledTags:
    """Which deliveries of a channel have been handled. The broker numbers them 1, 2, 3 and so on."""

    def __init__(self) -> None:
        self._all_up_to = 0
        self._beyond: set[int] = set()

    def add(self, tags: Collection[int]) -> list[Acknowledgement]:
        """Return what acknowledges these deliveries, and none that has not been handled.

        A delivery is acknowledged by itself while one before it has not been handled. No tag is named twice: the broker
        would close the channel.
        """
        self._beyond.update(tags)
        while self._all_up_to + 1 in self._beyond:
            self._all_up_to += 1
            self._beyond.remove(self._all_up_to)
        together = [tag for tag in tags if tag <= self._all_up_to]
        singly = [Acknowledgement(tag, multiple=False) for tag in tags if tag > self._all_up_to]
        return [Acknowledgement(max(together), multiple=True), *singly] if together else singly


class Acknowledgements:
    """Acknowledges the handled deliveries of a consumer, on whatever channels they came."""

    def __init__(self) -> None:
        self._channels: WeakKeyDictionary[AbstractChannel, _Channel] = WeakKeyDictionary()

    async def acknowledge(self, message: IncomingMessage) -> None:
        """Acknowledge a message whose handling is over, and return when that is written to the broker.

        Raises:
            one of BROKER_AWAY: it is not certain that the broker has learned of it.

        """
        wire, tag = message.channel, cast("int", message.delivery_tag)
        channel = self._channels.get(wire) or self._channels.setdefault(wire, _Channel())
        await channel.acknowledge(wire, tag)


class _Channel:
    """What waits to be acknowledged on one channel."""

    def __init__(self) -> None:
        self._handled = HandledTags()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._telling: asyncio.Task[None] | None = None

    def acknowledge(self, wire: AbstractChannel, tag: int) -> asyncio.Future[None]:
        told = self._waiting[tag] = asyncio.get_running_loop().create_future()
        if self._telling is None:
            # It works for many messages, so its context is empty: its logs must not name the first of them.
            self._telling = asyncio.create_task(self._tell(wire), context=Context())
        return told

    async def _tell(self, wire: AbstractChannel) -> None:
        waiting: dict[int, asyncio.Future[None]] = {}
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                error = await self._error_of(wire, waiting.keys())
                for told in waiting.values():
                    _set(told, error)
        finally:
            self._telling = None
            # Only cancellation ends the loop early. Nobody may wait for ever then.
            for told in (*waiting.values(), *self._waiting.values()):
                told.cancel()

    async def _error_of(self, wire: AbstractChannel, tags: Collection[int]) -> Exception | None:
        try:
            for tag, multiple in self._handled.add(tags):
                await wire.basic_ack(tag, multiple=multiple)
        except Exception as error:  # noqa: BLE001 - each of the callers raises it
            return error
        return None


def _set(told: asyncio.Future[None], error: Exception | None) -> None:
    if told.done():
        return
    if error is None:
        told.set_result(None)
    else:
        told.set_exception(ConnectionError(f"{type(error).__name__}: {error}"))
