"""MongoDB or the broker away, killed and back: everything pauses, comes back by itself, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import ConnectionFailure

from deploy.local.fetch import ensure_installed
from deploy.local.rabbitmq import RabbitMQ, running_rabbitmq
from deploy.local.servers import Servers
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.events.names import AGENCY_CHANGED
from shared.messaging import outbox
from shared.messaging.publisher import NotPublishedError, Publisher, make_message
from shared.messaging.topology import EXCHANGE, dead_queue, events_queue
from shared.messaging.wiring import Messaging
from shared.mongo import Database, connect
from tests.support.messaging import (
    DELAYS,
    agency_event,
    consuming,
    messages_in,
    messaging_of,
    ready_in,
    settled,
    subscribed,
    wait_until,
)
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import Database as OwnDatabase
from tests.support.servers import Vhost


@pytest.fixture
async def office(database: OwnDatabase) -> AsyncIterator[Database]:
    client = connect(database.uri, "tests")
    yield client[database.name]
    client.close()


@pytest.fixture
async def broker_proxy(servers: Servers) -> AsyncIterator[TcpProxy]:
    async with proxy_to(servers.rabbitmq.amqp_port) as proxy:
        yield proxy


@pytest.fixture
async def mongodb_proxy(servers: Servers) -> AsyncIterator[TcpProxy]:
    async with proxy_to(servers.mongod.port) as proxy:
        yield proxy


def assignment(amqp_url: str, office: Database) -> Messaging:
    return messaging_of("assignment", amqp_url, outboxes=[office["agencies"]], retry_delays=DELAYS, sweep_interval=0.2)


async def write(office: Database, *numbers: int) -> None:
    documents = [{"_id": f"so-{number}", **outbox.fields([agency_event(number)])} for number in numbers]
    await office["agencies"].insert_many(documents)


async def is_pending(office: Database) -> bool:
    return await office["agencies"].find_one({"pending_since": {"$exists": True}}) is not None


async def is_sent(office: Database) -> bool:
    return not await is_pending(office)


async def test_what_is_written_while_the_broker_is_away_arrives_when_it_is_back(
    vhost: Vhost, office: Database, broker_proxy: TcpProxy
) -> None:
    subjects: set[str] = set()

    async def note(event: Event[Any]) -> None:
        subjects.add(event.subject)

    url = broker_proxy.address_of(vhost.amqp_url)
    sender = assignment(url, office)
    async with consuming(url, note), sender.running(subscribed("assignment")):
        await sender.started.wait()
        await broker_proxy.cut()
        await wait_until(lambda: _is_down(sender), "the broker is seen to be away")
        await write(office, *range(20))
        sender.relay.wake_many("agencies", [f"so-{number}" for number in range(20)])
        assert await is_pending(office)
        await broker_proxy.restore()
        await wait_until(lambda: len(subjects) == 20, "all arrive")
        await wait_until(lambda: is_sent(office), "the outboxes are cleared")


async def test_services_start_while_both_servers_are_away(
    vhost: Vhost, database: OwnDatabase, broker_proxy: TcpProxy, mongodb_proxy: TcpProxy
) -> None:
    await broker_proxy.cut()
    await mongodb_proxy.cut()
    client = connect(mongodb_proxy.address_of(database.uri), "tests", timeout=0.2)
    office = client[database.name]
    sender = assignment(broker_proxy.address_of(vhost.amqp_url), office)
    async with sender.running(subscribed("assignment")):
        assert not await sender.is_up()
        await mongodb_proxy.restore()
        await sender.prepared.wait()
        await write(office, 1)
        assert not await sender.is_up()
        await broker_proxy.restore()
        await wait_until(lambda: is_sent(office), "the event is published")
        await wait_until(sender.is_up, "everything runs")
    client.close()
    assert await ready_in(vhost.amqp_url, events_queue("reporting")) == 1


async def test_a_service_ends_promptly_while_the_broker_is_away(
    vhost: Vhost, office: Database, broker_proxy: TcpProxy
) -> None:
    sender = assignment(broker_proxy.address_of(vhost.amqp_url), office)
    async with sender.running(subscribed("assignment")):
        await sender.started.wait()
        await broker_proxy.cut()
        await wait_until(lambda: _is_down(sender), "the broker is seen to be away")
        await write(office, 1)
        sender.relay.wake("agencies", "so-1")
        ends = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - ends < 5
    assert await is_pending(office)


async def test_a_consumer_whose_mongodb_is_away_waits_and_buries_nothing(
    servers: Servers, vhost: Vhost, database: OwnDatabase, mongodb_proxy: TcpProxy
) -> None:
    client = connect(mongodb_proxy.address_of(database.uri), "tests", timeout=0.1)
    inbox, refusals = client[database.name]["inbox"], list[str]()

    async def keep(event: Event[Any]) -> None:
        try:
            await inbox.replace_one({"_id": event.id}, {"subject": event.subject}, upsert=True)
        except ConnectionFailure:
            refusals.append(event.id)
            raise

    async with consuming(vhost.amqp_url, keep) as receiver:
        await mongodb_proxy.cut()
        await _publish(vhost.amqp_url, 1, 2)
        # More failures than the retries would bear, if they were counted.
        await wait_until(
            lambda: min(refusals.count("so-1:1"), refusals.count("so-2:1")) > len(DELAYS) + 1, "both waited"
        )
        await mongodb_proxy.restore()
        await settled(servers, vhost, ["notification"], messagings=[receiver])
        assert await inbox.count_documents({}) == 2
    client.close()
    assert await messages_in(vhost.amqp_url, dead_queue("notification")) == []


async def test_a_consumer_that_waits_for_mongodb_ends_promptly_and_gives_its_message_back(
    vhost: Vhost, database: OwnDatabase, mongodb_proxy: TcpProxy
) -> None:
    client = connect(mongodb_proxy.address_of(database.uri), "tests", timeout=0.1)
    tried = asyncio.Event()

    async def keep(event: Event[Any]) -> None:
        tried.set()
        await client[database.name]["inbox"].insert_one({"_id": event.id})

    await mongodb_proxy.cut()
    async with consuming(vhost.amqp_url, keep):
        await _publish(vhost.amqp_url, 1)
        await tried.wait()
        ends = asyncio.get_running_loop().time()
    client.close()
    assert asyncio.get_running_loop().time() - ends < 5
    (returned,) = await messages_in(vhost.amqp_url, events_queue("notification"))
    assert returned.body == encode(agency_event(1))


async def test_publishing_without_a_broker_fails_within_its_time(vhost: Vhost, broker_proxy: TcpProxy) -> None:
    publisher = Publisher(broker_proxy.address_of(vhost.amqp_url), DELAYS, name="tests", timeout=0.3)
    await publisher.open()
    await broker_proxy.cut()
    message = make_message(encode(agency_event()), event_id="1", event_type=AGENCY_CHANGED, headers={})
    with pytest.raises(NotPublishedError):
        await publisher.publish(message, AGENCY_CHANGED, exchange=EXCHANGE)
    await publisher.close()


async def test_both_sides_survive_a_broker_that_is_killed(tmp_path: Path, office: Database) -> None:
    subjects: set[str] = set()

    async def note(event: Event[Any]) -> None:
        subjects.add(event.subject)

    password = "demo-password"
    async with proxy_to(1) as proxy, _broker(tmp_path, password, proxy) as first:
        url = first.administrator_uri().replace(f":{first.amqp_port}/", f":{proxy.port}/")
        sender = assignment(url, office)
        receiver = messaging_of("notification", url, retry_delays=DELAYS)
        async with (
            sender.running(subscribed("assignment")),
            receiver.running(subscribed("notification", {AGENCY_CHANGED: note})),
        ):
            await sender.started.wait()
            await receiver.started.wait()
            await write(office, *range(200))
            sender.relay.wake_many("agencies", [f"so-{number}" for number in range(200)])
            await wait_until(lambda: len(subjects) > 20, "some have arrived")
            await first.broker.kill()
            await write(office, *range(200, 220))
            async with _broker(tmp_path, password, proxy):
                await wait_until(lambda: len(subjects) == 220, "all arrive after the restart", within=60)
                await wait_until(lambda: is_sent(office), "the outboxes are cleared")
                assert await ready_in(url, events_queue("reporting")) >= 220


@asynccontextmanager
async def _broker(folder: Path, password: str, proxy: TcpProxy) -> AsyncIterator[RabbitMQ]:
    """Run a broker of the test's own, behind the proxy."""
    async with running_rabbitmq(ensure_installed(), folder, password, keep_data=True) as broker:
        proxy.target_port = broker.amqp_port
        yield broker


async def _publish(amqp_url: str, *numbers: int) -> None:
    publisher = Publisher(amqp_url, DELAYS, name="tests")
    await publisher.open()
    for number in numbers:
        event = agency_event(number)
        message = make_message(encode(event), event_id=event.id, event_type=event.type, headers={})
        await publisher.publish(message, event.type, exchange=EXCHANGE)
    await publisher.close()


async def _is_down(messaging: Messaging) -> bool:
    return not await messaging.is_up()
