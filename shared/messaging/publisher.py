"""Publishes messages with publisher confirms: `publish` returns only after the broker has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, cast

import structlog
from aio_pika import DeliveryMode, Message, RobustChannel, connect_robust
from aio_pika.abc import AbstractChannel, AbstractRobustConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity, PublishError
from aiormq import Channel, spec
from aiormq.exceptions import ChannelAccessRefused

from shared.background import is_own_cancellation
from shared.events.envelope import CONTENT_TYPE
from shared.messaging import topology

_log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS: Final = 15
RECONNECT_SECONDS: Final = 0.5
# On a small machine it takes long to declare thirty quorum queues from several services at once.
_DECLARE_SECONDS: Final = 60.0
_COUNT_SECONDS: Final = 2.0
# A scrape gives up after ten seconds. Two counts and the declaration between them must be shorter than that.
_DECLARE_TO_COUNT_SECONDS: Final = 3.0
_CLOSE_SECONDS: Final = 1.0
BROKER_AWAY: Final = CONNECTION_EXCEPTIONS


class NotPublishedError(Exception):
    """The broker has not confirmed the message. It may have it or not, so publish it again."""


class UnroutableError(NotPublishedError):
    """No queue is bound to the routing key, although the topology has just been declared again."""


class Sendable(Protocol):
    """A message that can be published, such as aio-pika's `Message`."""

    @property
    def body(self) -> bytes: ...
    @property
    def properties(self) -> spec.Basic.Properties: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to be published. It takes much less time to make than aio-pika's `Message`, which can do more."""

    body: bytes
    properties: spec.Basic.Properties

    @classmethod
    def persistent(cls, body: bytes, *, event_id: str, event_type: str, headers: Mapping[str, Any]) -> Self:
        """Make a persistent message, which survives a restart of the broker."""
        properties = spec.Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            headers=dict(headers),
            message_id=event_id,
            message_type=event_type,
        )
        return cls(body, properties)


def make_message(body: bytes, *, event_id: str, event_type: str, headers: Mapping[str, Any]) -> Message:
    """Make a persistent message, which survives a restart of the broker."""
    return Message(
        body,
        message_id=event_id,
        type=event_type,
        headers=dict(headers),
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


class Publisher:
    """One connection, which reconnects by itself, with one channel in confirm mode.

    Two messages in flight at the same time need different ids, because the broker's returns are matched by them.
    """

    def __init__(self, amqp_url: str, retry_delays: Sequence[float], *, name: str, timeout: float = 10.0) -> None:
        self._url = amqp_url
        self._retry_delays = retry_delays
        self._name = name
        self._timeout = timeout
        self._connection: AbstractRobustConnection | None = None
        self._channel: RobustChannel | None = None
        self._declaring = asyncio.Lock()
        self._topology_complete = asyncio.Event()
        self._declared = 0

    async def open(self) -> None:
        """Connect and declare the topology.

        Raises:
            one of BROKER_AWAY: the broker is not there, or refuses. Call it again.

        """
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        self._connection = await connect_robust(
            self._url,
            timeout=self._timeout,
            heartbeat=HEARTBEAT_SECONDS,
            reconnect_interval=RECONNECT_SECONDS,
            client_properties={"connection_name": f"{self._name}.publisher"},
        )
        self._connection.close_callbacks.add(self._on_lost)
        self._connection.reconnect_callbacks.add(self._on_reconnected)
        channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
        self._channel = cast("RobustChannel", await channel)
        await self.declare()
        self._topology_complete.set()

    async def _on_lost(self, *_: object) -> None:
        self._topology_complete.clear()

    async def _on_reconnected(self, *_: object) -> None:
        # The broker may have lost its data. If declaring fails here, the next publish does it.
        try:
            await self.declare()
        except BROKER_AWAY as error:
            _log.warning("topology_not_declared", error=str(error))
        finally:
            self._topology_complete.set()

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open, as far as the client knows."""
        return self._connection is not None and self._connection.connected.is_set()

    async def until_connected(self) -> None:
        """Wait until the connection is open, however long the broker is away."""
        if self._connection is not None:
            await self._connection.connected.wait()

    async def count(self, queues: Sequence[str]) -> dict[str, int]:
        """Return how many messages are ready in each of these queues. Those that are being handled do not count.

        A queue that was deleted is declared again.

        Raises:
            one of BROKER_AWAY: the broker is not there, does not answer in time, or still has no such queue.

        """
        declared = self._declared
        try:
            return await self._count(queues)
        except ChannelNotFoundEntity:
            async with asyncio.timeout(_DECLARE_TO_COUNT_SECONDS):
                # A declaration that stops halfway would leave the exchange bound to only some of its queues.
                await asyncio.shield(self._declare_again(declared))
            return await self._count(queues)

    async def _count(self, queues: Sequence[str]) -> dict[str, int]:
        async with asyncio.timeout(_COUNT_SECONDS):
            channel = await self._connected().channel()
            try:
                declared = [await channel.declare_queue(queue, passive=True) for queue in queues]
            finally:
                await _close(channel)
        return {queue.name: queue.declaration_result.message_count or 0 for queue in declared}

    async def may_read(self, service: str) -> bool:
        """Whether the broker lets this user read the queues of a service; True when the broker cannot be asked.

        Only a channel that is opened now tells. A consumer that began earlier goes on without the right until its
        connection is lost, and then it cannot begin again.
        """
        try:
            async with asyncio.timeout(_COUNT_SECONDS):
                await self._read_nothing(topology.probe_queue(service))
        except ChannelAccessRefused:
            return False
        except BROKER_AWAY:
            return True
        return True

    async def _read_nothing(self, queue: str) -> None:
        channel = await self._connected().channel()
        try:
            empty = await channel.declare_queue(queue, exclusive=True, robust=False)
            await empty.get(fail=False)
            await empty.delete()
        finally:
            await _close(channel)

    def _connected(self) -> AbstractRobustConnection:
        if self._connection is None or not self.is_connected:
            raise ConnectionError("not connected")
        return self._connection

    async def declare(self) -> None:
        """Declare the topology on a separate channel, because an error closes the channel."""
        assert self._connection is not None  # noqa: S101 - open() comes first
        async with asyncio.timeout(_DECLARE_SECONDS):
            channel = await self._connection.channel()
            try:
                await topology.declare(channel, self._retry_delays)
            finally:
                await _close(channel)
        self._declared += 1

    async def publish(self, message: Sendable, routing_key: str, *, exchange: str = "") -> None:
        """Publish a message and wait for the confirm. Without an exchange it goes to the queue that the key names.

        A queue or an exchange that was deleted is declared again.

        Raises:
            UnroutableError: no queue is bound to the key.
            NotPublishedError: the broker is away, refuses, or does not confirm in time.

        """
        declared = self._declared
        try:
            await self._attempt(message, routing_key, exchange)
        except (PublishError, ChannelNotFoundEntity):
            await self._attempt_again(message, routing_key, exchange, declared)

    async def _attempt_again(self, message: Sendable, routing_key: str, exchange: str, declared: int) -> None:
        try:
            await self._declare_again(declared)
        except BROKER_AWAY as error:
            raise NotPublishedError(str(error)) from error
        try:
            await self._attempt(message, routing_key, exchange)
        except (PublishError, ChannelNotFoundEntity) as error:
            raise UnroutableError(f"no queue takes {routing_key}") from error

    async def _declare_again(self, seen: int) -> None:
        async with self._declaring:
            if self._declared == seen:  # otherwise another publish has just declared it
                await self.declare()

    async def _attempt(self, message: Sendable, routing_key: str, exchange: str) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(message, routing_key, exchange)
        except (PublishError, ChannelNotFoundEntity):
            raise
        except BROKER_AWAY as error:
            raise NotPublishedError(f"{type(error).__name__}: {error}") from error
        except asyncio.CancelledError as error:
            if is_own_cancellation():
                raise
            raise NotPublishedError("the connection was lost before the confirm") from error

    async def _send(self, message: Sendable, routing_key: str, exchange: str) -> None:
        channel = self._channel
        if channel is None:
            raise NotPublishedError("not open")
        await channel.ready()
        await self._until_declared()
        # aio-pika's `Exchange.publish` would make all other publishes wait until this message is written to the socket.
        wire = cast("Channel", await channel.get_underlay_channel())
        # A broker that is short of memory or disk blocks publishers. What is written to it then only fills the buffer.
        await wire.connection.ready()
        await wire.basic_publish(
            message.body,
            exchange=exchange,
            routing_key=routing_key,
            properties=message.properties,
            mandatory=True,
            wait=False,
        )

    async def _until_declared(self) -> None:
        """Wait for a running declaration: before its end, a message would reach only the queues bound so far."""
        await self._topology_complete.wait()
        if self._declaring.locked():
            async with self._declaring:
                pass

    async def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await connection.close()


async def _close(channel: AbstractChannel) -> None:
    """Close a channel. A broker that does not answer is not waited for long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await channel.close()
