"""Whether deadline may announce, by what a real broker says: empty, full, frozen, away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY

from deploy.local.servers import Servers
from services.deadline.announcing import Announcing
from services.deadline.rules.quiet import QuietTime
from shared.breaker import UnavailableError
from shared.events.envelope import Event
from shared.events.names import task_event
from tests.support.clock import FakeClock
from tests.support.consumers import send, sender
from tests.support.deadline_tasks import ASSIGNED_AT, a_task, event_of
from tests.support.messaging import messaging_of, subscribed, wait_until
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import Vhost


@pytest.fixture
async def proxy(servers: Servers) -> AsyncIterator[TcpProxy]:
    async with proxy_to(servers.rabbitmq.amqp_port) as made:
        yield made


async def nothing(_: Event[Any]) -> None:
    """Take an event."""


@asynccontextmanager
async def announcing(
    amqp_url: str, take: Callable[[Event[Any]], Awaitable[None]] = nothing, **settings: Any
) -> AsyncIterator[Announcing]:
    """A quiet time of no length for a service that is connected; the test looks."""
    messaging = messaging_of("deadline", amqp_url, **settings)
    async with messaging.running(subscribed("deadline", {task_event("assigned"): take})):
        await messaging.started.wait()
        yield Announcing(messaging, FakeClock(ASSIGNED_AT), QuietTime(0))


async def may_announce(announcing: Announcing) -> bool:
    await announcing.look()
    return await announcing.may_announce()


def paused() -> float | None:
    return REGISTRY.get_sample_value("dondoc_deadline_paused")


async def test_nothing_is_announced_while_events_wait_in_the_queue(vhost: Vhost) -> None:
    may_end = asyncio.Event()

    async def slow(_: Event[Any]) -> None:
        await may_end.wait()

    async with announcing(vhost.amqp_url, slow, prefetch=1) as ours, sender(vhost.amqp_url) as publisher:
        await send(publisher, [event_of(a_task(f"t-{number}")) for number in range(3)])
        assert not await may_announce(ours)
        assert paused() == 1
        may_end.set()
        await wait_until(partial(may_announce, ours), "the queue is empty")
        assert paused() == 0


async def test_nothing_is_announced_while_the_broker_is_away(vhost: Vhost, proxy: TcpProxy) -> None:
    async with announcing(proxy.address_of(vhost.amqp_url)) as ours:
        await wait_until(partial(may_announce, ours), "the queue is empty")
        await proxy.cut()
        assert not await ours.may_announce()
        assert not await may_announce(ours)
        await proxy.restore()
        await wait_until(partial(may_announce, ours), "the broker is back")


async def test_nothing_is_announced_while_the_broker_is_frozen(vhost: Vhost, proxy: TcpProxy) -> None:
    """Its connections stay open for as long as it misses no two heartbeats."""
    async with announcing(proxy.address_of(vhost.amqp_url)) as ours:
        await wait_until(partial(may_announce, ours), "the queue is empty")
        proxy.hold()
        assert not await ours.may_announce()
        assert paused() == 1
        proxy.let_go()
        await wait_until(partial(may_announce, ours), "the broker answers again")


async def test_nothing_is_announced_after_an_event_that_mongodb_did_not_take(vhost: Vhost) -> None:
    async with announcing(vhost.amqp_url) as ours:
        await wait_until(partial(may_announce, ours), "the queue is empty")
        with suppress(UnavailableError), ours.taking_in(ASSIGNED_AT):
            raise UnavailableError("MongoDB was away a moment ago")
        assert not await ours.may_announce()
        assert await may_announce(ours)


async def test_an_event_that_a_handler_cannot_bear_pauses_nothing(vhost: Vhost) -> None:
    async with announcing(vhost.amqp_url) as ours:
        await wait_until(partial(may_announce, ours), "the queue is empty")
        with suppress(KeyError), ours.taking_in(ASSIGNED_AT - timedelta(days=1)):
            raise KeyError("due_at")
        assert await ours.may_announce()
