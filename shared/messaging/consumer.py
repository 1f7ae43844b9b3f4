"""Consumes a service's queue of events with FastStream; `delivery.py` has the table of what becomes of a message."""

from __future__ import annotations

from typing import Final, cast

import aiormq
from aio_pika import RobustChannel
from faststream.rabbit import Channel, RabbitBroker
from faststream.rabbit.utils import RabbitClientProperties

from shared.messaging.delivery import DeliveryPolicy
from shared.messaging.publisher import BROKER_AWAY, HEARTBEAT_SECONDS, RECONNECT_SECONDS
from shared.messaging.router import EventRouter
from shared.messaging.topology import BINDINGS, EXCHANGE

GRACE_SECONDS: Final = 15.0


class Consumer:
    """The FastStream broker of one service, with the service's router and policy. The topology must be declared."""

    def __init__(
        self, service: str, amqp_url: str, router: EventRouter, policy: DeliveryPolicy, *, prefetch: int
    ) -> None:
        self._service = service
        self._router = router
        self._policy = policy
        self._is_cancelled = False
        self._channel: RobustChannel | None = None
        self._broker = _broker(amqp_url, policy, prefetch)
        self._broker.include_router(router)

    @property
    def in_flight(self) -> int:
        """How many messages are being handled now."""
        return self._policy.in_flight

    @property
    def received(self) -> int:
        """How many messages have come since the start."""
        return self._policy.received

    @property
    def is_cancelled(self) -> bool:
        """Whether the broker has ever cancelled this consumer, as it does when the queue is deleted."""
        return self._is_cancelled

    async def is_consuming(self) -> bool:
        """Whether the broker delivers to this consumer now; not while the connection or the right to read is lost."""
        if self._channel is None:
            return False
        try:
            wire = cast("aiormq.Channel", await self._channel.get_underlay_channel())
        except BROKER_AWAY:
            return False
        return bool(wire.consumers) and not wire.is_closed

    async def start(self) -> None:
        """Consume from now on, also after the broker or the queue was away.

        Raises:
            one of BROKER_AWAY: the broker is not there, or refuses.

        """
        try:
            await self._broker.connect()
            # The queue is declared and bound here, on the channel that consumes: aio-pika then declares it again when
            # somebody deletes it.
            queue = await self._broker.declare_queue(self._router.events.queue)
            for key in BINDINGS[self._service]:
                await queue.bind(EXCHANGE, key)
            await self._broker.start()
            self._channel = cast("RobustChannel", queue.channel)
            await self._listen(self._channel)
        except BaseException:
            await self._broker.stop()
            raise

    async def _listen(self, channel: RobustChannel) -> None:
        """Notice when the broker cancels the consumer, also on the channels that replace this one."""

        async def listen(*_: object) -> None:
            wire = await channel.get_underlay_channel()
            wire.on_consumer_cancel_callbacks.add(self._on_cancelled)

        channel.reopen_callbacks.add(listen)
        await listen()

    def _on_cancelled(self, *_: object) -> None:
        self._is_cancelled = True

    async def stop(self) -> None:
        """Take no more messages and let running handlers finish; those that wait for MongoDB give up at once."""
        self._policy.stop()
        await self._broker.stop()


def _broker(amqp_url: str, policy: DeliveryPolicy, prefetch: int) -> RabbitBroker:
    return RabbitBroker(
        amqp_url,
        client_properties=RabbitClientProperties(heartbeat=HEARTBEAT_SECONDS),
        fail_fast=True,
        reconnect_interval=RECONNECT_SECONDS,
        # The subscriber uses the default channel too, so what is declared on it is declared again with it.
        default_channel=Channel(prefetch_count=prefetch),
        graceful_timeout=GRACE_SECONDS,
        middlewares=[policy],
        # The codec has validated the event; FastStream would validate it a second time.
        apply_types=False,
        # FastStream's log line for each message costs a third of the rate.
        logger=None,
    )
