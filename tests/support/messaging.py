"""Waiting for what events bring about: a condition with a deadline, and the barrier after which nobody will be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
from prometheus_client import Counter, Gauge

from deploy.local.rabbitmq import TICK_SECONDS
from deploy.local.servers import Servers
from shared.events.directory import AgencyChanged
from shared.events.envelope import Event
from shared.events.names import AGENCY_CHANGED
from shared.messaging.metrics import HANDLED, IN_FLIGHT
from shared.messaging.router import EventRouter, named
from shared.messaging.wiring import Messaging
from shared.mongo import Collection
from shared.office.vocabulary import AgencyKind
from shared.settings import ServiceSettings
from tests.support.servers import Vhost

DELAYS = (0.05, 0.1, 0.2)
"""The retry delays of the consumer of a test."""
_POLL_SECONDS = 0.02

Handler = Callable[[Event[Any]], Awaitable[None]]


def subscribed(service: str, handlers: Mapping[str, Handler] | None = None) -> EventRouter:
    """Return a service's router with a handler for each of these names of events."""
    router = EventRouter(service)
    for name, handler in (handlers or {"": _nothing}).items():
        _subscribe(router, name, handler)
    return router


def _subscribe(router: EventRouter, name: str, handler: Handler) -> None:
    @router.events(filter=named(name))
    async def handle(event: Event[Any]) -> None:
        await handler(event)


async def _nothing(_: Event[Any]) -> None:
    """Handle no event: without any handler FastStream would not consume."""


def messaging_of(service: str, amqp_url: str, **changes: Any) -> Messaging:
    """Make a service's messaging as the defaults of the settings have it, but for the changes."""
    defaults = {name: ServiceSettings.model_fields[name].default for name in ("retry_delays", "prefetch")}
    return Messaging(service, amqp_url, **(defaults | changes))


async def wait_until(condition: Callable[[], Awaitable[bool] | bool], what: str, within: float = 20.0) -> None:
    """Wait until the condition holds; after `within` seconds the test fails and says what was waited for."""
    try:
        async with asyncio.timeout(within):
            while not await _holds(condition):  # noqa: ASYNC110 - what is waited for happens in servers
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {what}") from None


async def _holds(condition: Callable[[], Awaitable[bool] | bool]) -> bool:
    held = condition()
    return held if isinstance(held, bool) else await held


async def settled(
    servers: Servers,
    vhost: Vhost,
    services: Sequence[str],
    *,
    outboxes: Sequence[Collection] = (),
    messagings: Sequence[Messaging] = (),
    within: float = 30.0,
) -> None:
    """Wait until nothing is on its way to `services`, which this process runs.

    That is: no outbox has an event, no queue or retry queue has a message, waiting or taken, and no handler runs; seen
    so twice with nothing handled in between, for what moves from a queue to another may hide from a single look.
    """

    async def quiet() -> bool:
        return (
            await _empty(outboxes)
            and not await _on_the_way(servers, vhost, services)
            and not _in_flight(services)
            and not any(messaging.in_flight for messaging in messagings)
        )

    async def quiet_twice() -> bool:
        handled = _handled(services)
        if not await quiet():
            return False
        await asyncio.sleep(2 * TICK_SECONDS)
        return await quiet() and _handled(services) == handled

    await wait_until(quiet_twice, f"nothing is on its way to {', '.join(services)}", within)


async def _empty(outboxes: Sequence[Collection]) -> bool:
    return not any([await outbox.find_one({"pending_since": {"$exists": True}}) for outbox in outboxes])


async def _on_the_way(servers: Servers, vhost: Vhost, services: Sequence[str]) -> bool:
    response = await servers.management.get(f"/api/queues/{vhost.name}")
    response.raise_for_status()
    ours = tuple(f"{service}." for service in services)
    queues = [queue for queue in response.json() if queue["name"].startswith(ours)]
    # Nobody else may look at a probe queue, which is of one connection.
    queues = [queue for queue in queues if not (queue["name"].endswith(".dead") or ".probe." in queue["name"])]
    # The listing is as old as the last tick; what waits is asked of the queues themselves.
    return any(queue.get("messages", 0) for queue in queues) or any(
        [await ready_in(vhost.amqp_url, queue["name"]) for queue in queues]
    )


def _handled(services: Sequence[str]) -> float:
    return _sum(HANDLED, services)


def _in_flight(services: Sequence[str]) -> float:
    """Return how many messages are being handled: one of seventeen megabytes may take longer than two looks."""
    return _sum(IN_FLIGHT, services)


def _sum(metric: Counter | Gauge, services: Sequence[str]) -> float:
    samples = (sample for family in metric.collect() for sample in family.samples)
    return sum(sample.value for sample in samples if sample.labels["service"] in services)


def agency_event(number: int = 1, **changes: Any) -> Event[AgencyChanged]:
    """Return an event that notification and reporting are sent."""
    agency = AgencyChanged(code=f"so-{number}", name=f"Sở thứ {number}", kind=AgencyKind.DEPARTMENT)
    plain: dict[str, Any] = {
        "id": f"so-{number}:1",
        "source": "/assignment",
        "type": AGENCY_CHANGED,
        "subject": agency.code,
        "time": datetime(2026, 11, 24, 2, tzinfo=UTC),
        "sequence": "1",
        "correlationid": f"request-{number}",
        "data": agency,
    }
    return Event[AgencyChanged](**(plain | changes))


async def messages_in(amqp_url: str, queue: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    """Take everything out of a queue."""
    taken: list[aio_pika.abc.AbstractIncomingMessage] = []
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        found = await channel.declare_queue(queue, passive=True)
        while message := await found.get(no_ack=True, fail=False):
            taken.append(message)
    return taken


async def ready_in(amqp_url: str, queue: str) -> int:
    """Return how many messages wait in a queue, untaken; 0 for a queue that is not there."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        try:
            found = await channel.declare_queue(queue, passive=True)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return 0
        return found.declaration_result.message_count or 0


class Received:
    """A handler that keeps the events it was given."""

    def __init__(self) -> None:
        self.events: list[Event[Any]] = []

    async def __call__(self, event: Event[Any]) -> None:
        self.events.append(event)

    def count_is(self, count: int) -> bool:
        return len(self.events) >= count

    @property
    def subjects(self) -> set[str]:
        return {event.subject for event in self.events}


@asynccontextmanager
async def consuming(amqp_url: str, handler: Handler, **settings: Any) -> AsyncIterator[Messaging]:
    """Run a consumer of notification that has declared its queues and takes `agency_event`s."""
    messaging = messaging_of("notification", amqp_url, **({"retry_delays": DELAYS} | settings))
    async with messaging.running(subscribed("notification", {AGENCY_CHANGED: handler})):
        await messaging.started.wait()
        yield messaging
