"""A consumer's database is down for longer than all retries: no message is lost, and it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
from prometheus_client import REGISTRY

from deploy.local.servers import Servers
from shared.events.envelope import Event
from shared.events.names import AGENCY_CHANGED
from shared.messaging.topology import dead_queue
from shared.mongo import connect
from tests.faults.conftest import Counts
from tests.support.consumers import CONSUMERS, DELAYS, running_soon, send, sender
from tests.support.messaging import agency_event, messaging_of, ready_in, settled, subscribed, wait_until
from tests.support.notification_events import task_told, the_directory
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import Database, Databases, Vhost

KEPT: Final = {"deadline": ("watches", "_id"), "notification": ("inbox", "task_id"), "reporting": ("versions", "task")}


@pytest.fixture
async def mongodb(servers: Servers) -> AsyncIterator[TcpProxy]:
    async with proxy_to(servers.mongod.port) as proxy:
        yield proxy


async def test_a_database_away_for_longer_than_all_retries_sends_nothing_to_the_dead_letters(
    servers: Servers, vhost: Vhost, databases: Databases, mongodb: TcpProxy, counts: Counts
) -> None:
    away_for = counts.of(2, 60)
    assert away_for > sum(DELAYS)
    events = [task_told("assigned", id=f"t-{number}") for number in range(counts.of(40, 400))]
    made = {service: await databases.create(service) for service in CONSUMERS}
    services = [
        running_soon(service, Database(database.name, mongodb.address_of(database.uri)), vhost.amqp_url)
        for service, database in made.items()
    ]
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(sender(vhost.amqp_url))
        for running in services:
            await stack.enter_async_context(running)
        await send(publisher, [*the_directory(), *events[::2]])
        await mongodb.cut()
        await send(publisher, events[1::2])
        # This waits for nothing: the length of the outage is what is tested.
        await asyncio.sleep(away_for)
        await mongodb.restore()
        await settled(servers, vhost, CONSUMERS, within=60)
    for service, (collection, field) in KEPT.items():
        assert await ready_in(vhost.amqp_url, dead_queue(service)) == 0
        client = connect(made[service].uri, "tests")
        kept = await client[made[service].name][collection].distinct(field)
        client.close()
        assert sorted(kept) == sorted(event.subject for event in events), service


async def test_a_message_held_too_long_is_laid_aside_again_and_again_and_never_counted(
    servers: Servers, vhost: Vhost, database: Database, mongodb: TcpProxy
) -> None:
    client = connect(mongodb.address_of(database.uri), "tests", timeout=0.05)
    kept = client[database.name]["kept"]

    async def keep(event: Event[Any]) -> None:
        await kept.replace_one({"_id": event.id}, {}, upsert=True)

    before = _parked()
    messaging = messaging_of("notification", vhost.amqp_url, retry_delays=(0.05, 0.1), patience=0.05, prefetch=2)
    async with (
        messaging.running(subscribed("notification", {AGENCY_CHANGED: keep})),
        sender(vhost.amqp_url, (0.05, 0.1)) as publisher,
    ):
        await messaging.started.wait()
        await mongodb.cut()
        await send(publisher, [agency_event(number) for number in range(4)])
        # Far more often than a failure would be retried.
        await wait_until(lambda: _parked() - before > 4 * 4, "each was laid aside several times")
        await mongodb.restore()
        await settled(servers, vhost, ["notification"], messagings=[messaging])
        assert await kept.count_documents({}) == 4
    client.close()
    assert await ready_in(vhost.amqp_url, dead_queue("notification")) == 0


def _parked() -> float:
    labels = {"service": "notification", "type": AGENCY_CHANGED, "outcome": "parked"}
    return REGISTRY.get_sample_value("dondoc_messages_handled_total", labels) or 0.0
