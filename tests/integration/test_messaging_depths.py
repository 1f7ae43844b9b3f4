"""What waits in a service's queues is shown as it is, and not at all while the broker cannot be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from prometheus_client import REGISTRY

from deploy.local.servers import Servers
from shared.messaging import outbox
from shared.messaging.metrics import OUTBOX_OLDEST_SECONDS, OUTBOX_PENDING
from shared.messaging.outbox import Outbox
from shared.messaging.publisher import Publisher, make_message
from shared.messaging.queue_depths import QueueDepths
from shared.messaging.topology import dead_queue, events_queue, retry_queue
from shared.mongo import connect
from tests.support.messaging import agency_event, messaging_of, wait_until
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import Database, Vhost

SERVICE = "reporting"
LONG = (600.0, 1_200.0)


@pytest.fixture
async def proxy(servers: Servers) -> AsyncIterator[TcpProxy]:
    async with proxy_to(servers.rabbitmq.amqp_port) as made:
        yield made


@pytest.fixture
async def publisher(amqp_url: str, proxy: TcpProxy) -> AsyncIterator[Publisher]:
    publisher = Publisher(amqp_url.replace(f":{proxy.target_port}/", f":{proxy.port}/"), LONG, name=SERVICE)
    await publisher.open()
    yield publisher
    await publisher.close()


async def _put(publisher: Publisher, queue: str, number: int) -> None:
    for each in range(number):
        await publisher.publish(make_message(b"{}", event_id=f"{queue}:{each}", event_type="any", headers={}), queue)


def _shown() -> tuple[float | None, float | None, float | None]:
    ready, retrying = (
        REGISTRY.get_sample_value("dondoc_queue_messages", {"service": SERVICE, "state": state})
        for state in ("ready", "retrying")
    )
    return ready, retrying, REGISTRY.get_sample_value("dondoc_dead_letters", {"service": SERVICE})


async def test_what_waits_is_shown_by_the_queue_it_waits_in(publisher: Publisher) -> None:
    await _put(publisher, events_queue(SERVICE), 4)
    await _put(publisher, retry_queue(SERVICE, LONG[0]), 2)
    await _put(publisher, retry_queue(SERVICE, LONG[1]), 1)
    await _put(publisher, dead_queue(SERVICE), 5)
    await _put(publisher, dead_queue("deadline"), 1)
    depths = QueueDepths(SERVICE, publisher, LONG)

    async def all_are_counted() -> bool:
        await depths.measure()
        return _shown() == (4, 3, 5)

    await wait_until(all_are_counted, "what waits is counted")


async def test_nothing_is_shown_while_the_broker_is_away(publisher: Publisher, proxy: TcpProxy) -> None:
    depths = QueueDepths(SERVICE, publisher, LONG)
    await depths.measure()
    assert _shown() == (0, 0, 0)

    await proxy.cut()
    await wait_until(lambda: not publisher.is_connected, "the loss is noticed")
    await depths.measure()
    assert _shown() == (None, None, None)
    await depths.measure()

    await proxy.restore()
    await publisher.until_connected()
    await depths.measure()
    assert _shown() == (0, 0, 0)


async def test_a_queue_deleted_by_hand_is_made_anew_and_hides_nothing_of_the_others(
    publisher: Publisher, servers: Servers, vhost: Vhost
) -> None:
    await _put(publisher, dead_queue(SERVICE), 2)
    deleted = f"/api/queues/{vhost.name}/{retry_queue(SERVICE, LONG[0])}"
    (await servers.management.delete(deleted)).raise_for_status()
    depths = QueueDepths(SERVICE, publisher, LONG)

    await depths.measure()

    assert _shown() == (0, 0, 2)
    (await servers.management.get(deleted)).raise_for_status()


async def test_what_waits_in_an_outbox_is_shown_also_while_the_broker_is_away(database: Database) -> None:
    with closing(connect(database.uri, "tests")) as client:
        agencies = client[database.name]["agencies"]
        await Outbox(agencies).ensure_index()
        await agencies.insert_one({"_id": "so-1", **outbox.fields([agency_event(1)])})
        await agencies.insert_one({"_id": "so-2", **outbox.fields([])})
        sender = messaging_of("assignment", "amqp://nobody:nothing@127.0.0.1:1/", outboxes=[agencies])
        await sender.measure()
        assert _outbox("pending") == 1
        first = _outbox("oldest_seconds")
        await sender.measure()
        assert first is not None
        assert (_outbox("oldest_seconds") or 0) > first

        await agencies.drop_indexes()
        await sender.measure()
        assert _outbox("pending") is None, "while a service that starts has not made its indexes"


async def test_no_outbox_is_shown_while_mongodb_cannot_be_asked() -> None:
    OUTBOX_PENDING.labels("assignment", "agencies").set(1)
    OUTBOX_OLDEST_SECONDS.labels("assignment", "agencies").set(1)
    nowhere = "mongodb://127.0.0.1:1/?directConnection=true"
    with closing(connect(nowhere, "tests", timeout=0.2)) as unreachable:
        await messaging_of("assignment", "amqp://127.0.0.1:1/", outboxes=[unreachable["any"]["agencies"]]).measure()
    assert (_outbox("pending"), _outbox("oldest_seconds")) == (None, None)


def _outbox(what: str) -> float | None:
    labels = {"service": "assignment", "collection": "agencies"}
    return REGISTRY.get_sample_value(f"dondoc_outbox_{what}", labels)


async def test_nothing_is_shown_while_a_frozen_broker_does_not_answer(publisher: Publisher, proxy: TcpProxy) -> None:
    depths = QueueDepths(SERVICE, publisher, LONG)
    await depths.measure()

    proxy.hold()
    await depths.measure()

    assert _shown() == (None, None, None)
    proxy.let_go()
