"""The services that take in events, in this process on real servers: a database each, one vhost for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import httpx2
from fastapi import FastAPI

from services.deadline.app import build as build_deadline
from services.deadline.settings import DeadlineSettings
from services.notification.app import build as build_notification
from services.notification.settings import NotificationSettings
from services.reporting.app import build as build_reporting
from services.reporting.settings import ReportingSettings
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.messaging.publisher import NotPublishedError, Publisher, Sendable, make_message
from shared.messaging.topology import EXCHANGE
from shared.mongo import Database, connect
from shared.settings import Mode
from tests.support.clock import FakeClock
from tests.support.messaging import wait_until
from tests.support.notification_events import ASSIGNED_AT
from tests.support.servers import Database as OwnDatabase
from tests.support.tokens import TestKeys

CONSUMERS: Final = ("deadline", "notification", "reporting")
DELAYS: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
_KEYS: Final = TestKeys()


@asynccontextmanager
async def running(service: str, database: OwnDatabase, amqp_url: str, **changes: Any) -> AsyncIterator[Database]:
    """Run a service whose clock stands still, ready to consume; yields its database."""
    async with running_soon(service, database, amqp_url, **changes) as (http, collections):

        async def is_ready() -> bool:
            return bool((await http.get("/health/ready")).json()["status"] == "ready")

        await wait_until(is_ready, f"{service} is ready")
        yield collections


@asynccontextmanager
async def running_soon(
    service: str, database: OwnDatabase, amqp_url: str, **changes: Any
) -> AsyncIterator[tuple[httpx2.AsyncClient, Database]]:
    """Run a service that may have to wait for its servers; yields its HTTP and, read around any proxy, its database."""
    settings = {
        "mode": Mode.LOCAL,
        "mongodb_uri": database.uri,
        "mongodb_database": database.name,
        "amqp_url": amqp_url,
        "public_keys": _KEYS.public_keys,
        "retry_delays": DELAYS,
        **changes,
    }
    app = _build(service, settings)
    client = connect(database.uri, "tests")
    transport = httpx2.ASGITransport(app)
    http = httpx2.AsyncClient(transport=transport, base_url="http://it")
    try:
        async with app.router.lifespan_context(app), http:
            yield http, client[database.name]
    finally:
        client.close()


def _build(service: str, settings: dict[str, Any]) -> FastAPI:
    match service:
        case "deadline":
            return build_deadline(DeadlineSettings(**settings), clock=FakeClock(ASSIGNED_AT))
        case "notification":
            return build_notification(NotificationSettings(**settings), clock=FakeClock(ASSIGNED_AT))
        case _:
            return build_reporting(ReportingSettings(**settings))


@asynccontextmanager
async def sender(amqp_url: str, retry_delays: Sequence[float] = DELAYS) -> AsyncIterator[Publisher]:
    """A publisher that has declared the topology."""
    publisher = Publisher(amqp_url, retry_delays, name="tests")
    await publisher.open()
    async with AsyncExitStack() as afterwards:
        afterwards.push_async_callback(publisher.close)
        yield publisher


async def send(publisher: Publisher, events: Iterable[Event[Any]]) -> None:
    """Publish events one after the other, each until it is confirmed."""
    for event in events:
        message = make_message(encode(event), event_id=event.id, event_type=event.type, headers={})
        await wait_until(partial(_is_confirmed, publisher, message, event.type), "the broker has confirmed", within=60)


async def _is_confirmed(publisher: Publisher, message: Sendable, key: str) -> bool:
    try:
        await publisher.publish(message, key, exchange=EXCHANGE)
    except NotPublishedError:
        return False
    return True
