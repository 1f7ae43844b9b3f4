"""A consumer to which nothing comes any more begins anew by itself; one that is merely busy, or idle, does not."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import aiormq
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.messaging.publisher import make_message
from shared.messaging.stall import StallDetector
from shared.messaging.topology import events_queue
from tests.support.consumers import sender
from tests.support.messaging import Received, agency_event, consuming, wait_until
from tests.support.servers import Vhost

QUEUE = events_queue("notification")


async def publish(amqp_url: str, *numbers: int) -> None:
    async with sender(amqp_url) as publisher:
        for number in numbers:
            event = agency_event(number)
            await publisher.publish(make_message(encode(event), event_id=event.id, event_type="t", headers={}), QUEUE)


async def forget_the_consumer(vhost: Vhost) -> None:
    """Let the broker know of no consumer any more, and the client of nothing."""
    (wire,) = [
        wire
        for wire in gc.get_objects()
        if issubclass(type(wire), aiormq.Channel) and wire.consumers and wire.connection.url.path == f"/{vhost.name}"
    ]
    for tag in list(wire.consumers):
        await wire.basic_cancel(tag)


async def test_a_consumer_that_the_broker_has_forgotten_begins_anew(vhost: Vhost) -> None:
    received = Received()
    async with consuming(vhost.amqp_url, received, look_interval=0.1):
        await forget_the_consumer(vhost)
        await publish(vhost.amqp_url, 1, 2)
        await wait_until(lambda: received.subjects == {"so-1", "so-2"}, "what waited has come")


async def test_a_consumer_whose_queue_was_deleted_begins_anew(servers: Servers, vhost: Vhost) -> None:
    """The broker tells it; but what the broker keeps of its channel is of the old queue, and may swallow messages."""
    received = Received()
    with capture_logs() as logs:
        async with consuming(vhost.amqp_url, received, look_interval=0.1):
            (await servers.management.delete(f"/api/queues/{vhost.name}/{QUEUE}")).raise_for_status()
            await wait_until(lambda: "consumer_restarted" in [entry["event"] for entry in logs], "it has begun anew")
            await publish(vhost.amqp_url, 1)
            await wait_until(lambda: received.subjects == {"so-1"}, "what came later has come")
    assert [entry["event"] for entry in logs].count("consumer_restarted") == 1


async def test_a_busy_or_idle_consumer_is_not_taken_for_one_that_is_stuck(vhost: Vhost) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_: Event[Any]) -> None:
        begun.set()
        await may_end.wait()

    async with consuming(vhost.amqp_url, slow, prefetch=1, look_interval=600) as messaging:
        assert messaging._consumer is not None
        stall = StallDetector("notification", messaging._consumer, messaging._publisher)
        assert not any([await stall.look() for _ in range(3)])
        await publish(vhost.amqp_url, 1, 2, 3)
        await begun.wait()
        assert not any([await stall.look() for _ in range(3)])
        may_end.set()
