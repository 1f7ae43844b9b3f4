"""The exchange, the queues and their bindings. Every service declares all of them before it publishes or consumes.

    dondoc.events ──routing keys──▶ <service>.events ──delivery limit──▶ <service>.dead
                                        ▲
    <service>.retry.<milliseconds> ─────┘ after the time to live

All queues are quorum queues. Dead-lettering is at-least-once: a message leaves a queue only when the next queue has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from types import MappingProxyType
from typing import Any, Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractExchange

EXCHANGE: Final = "dondoc.events"

# The events that each service receives, as binding keys of the topic exchange.
BINDINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "assignment": ("deadline.missed.v1",),
        "deadline": ("task.#",),
        "notification": ("task.#", "deadline.#", "agency.#", "account.#"),
        "reporting": ("task.#", "deadline.#", "agency.#", "account.#"),
    }
)

# A crash of a consumer counts one delivery for every message that it held. The limit is so high that only a message
# that crashes the consumer again and again reaches it.
_DELIVERIES: Final = 1_000
# The broker would drop a dead letter over the limit, since there is no further queue for it. Each `dead-letters list`
# counts one delivery.
_LOOKS: Final = 1_000_000


def events_queue(service: str) -> str:
    return f"{service}.events"


def retry_queue(service: str, delay: float) -> str:
    """Return the name of the queue where a message waits `delay` seconds."""
    return f"{service}.retry.{_milliseconds(delay)}"


def dead_queue(service: str) -> str:
    return f"{service}.dead"


def probe_queue(service: str) -> str:
    """Return a new name for a queue by which a service learns whether it may still read its queues."""
    return f"{service}.probe.{token_hex(8)}"


def events_arguments(service: str) -> dict[str, Any]:
    return {**_quorum(_DELIVERIES), **_dead_letter_to(dead_queue(service))}


def retry_arguments(service: str, delay: float) -> dict[str, Any]:
    return {
        **_quorum(_LOOKS),
        **_dead_letter_to(events_queue(service)),
        "x-message-ttl": _milliseconds(delay),
    }


def dead_arguments() -> dict[str, Any]:
    return _quorum(_LOOKS)


async def declare(channel: AbstractChannel, retry_delays: Sequence[float]) -> None:
    """Declare the exchange and the queues of every service. What exists already stays as it is.

    Raises:
        ChannelPreconditionFailed: an exchange or queue of the same name has other arguments.

    """
    exchange = await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)
    for service in BINDINGS:
        await _declare_service(channel, exchange, service, retry_delays)


async def _declare_service(
    channel: AbstractChannel, exchange: AbstractExchange, service: str, retry_delays: Sequence[float]
) -> None:
    await channel.declare_queue(dead_queue(service), durable=True, arguments=dead_arguments())
    events = await channel.declare_queue(events_queue(service), durable=True, arguments=events_arguments(service))
    for key in BINDINGS[service]:
        await events.bind(exchange, key)
    for delay in retry_delays:
        await channel.declare_queue(
            retry_queue(service, delay), durable=True, arguments=retry_arguments(service, delay)
        )


def _milliseconds(delay: float) -> int:
    return round(delay * 1000)


def _quorum(delivery_limit: int) -> dict[str, Any]:
    return {"x-queue-type": "quorum", "x-delivery-limit": delivery_limit}


def _dead_letter_to(queue: str) -> dict[str, Any]:
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
