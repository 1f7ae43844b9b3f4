"""Events on their way from a document to the services, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import aio_pika
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.events.names import AGENCY_CHANGED
from shared.messaging import context, outbox
from shared.messaging.publisher import Publisher, UnroutableError, make_message
from shared.messaging.retry import RetryLater
from shared.messaging.topology import EXCHANGE, dead_queue, events_queue
from shared.messaging.wiring import Messaging
from shared.mongo import Database, connect
from tests.support.messaging import (
    DELAYS,
    Received,
    agency_event,
    consuming,
    messages_in,
    messaging_of,
    ready_in,
    settled,
    subscribed,
    wait_until,
)
from tests.support.servers import Database as OwnDatabase
from tests.support.servers import Vhost


@pytest.fixture
async def office(database: OwnDatabase) -> AsyncIterator[Database]:
    client = connect(database.uri, "tests")
    yield client[database.name]
    client.close()


def assignment(amqp_url: str, office: Database, **changes: Any) -> Messaging:
    settings: dict[str, Any] = {"retry_delays": DELAYS, "sweep_interval": 0.2}
    return messaging_of("assignment", amqp_url, outboxes=[office["agencies"]], **(settings | changes))


async def write(office: Database, *numbers: int) -> None:
    documents = [{"_id": f"so-{number}", **outbox.fields([agency_event(number)])} for number in numbers]
    await office["agencies"].insert_many(documents)


async def waiting(office: Database) -> int:
    return await office["agencies"].count_documents({"pending_since": {"$exists": True}})


async def publish(amqp_url: str, body: bytes, queue: str, headers: Mapping[str, Any] | None = None) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        message = make_message(body, event_id="e", event_type="t", headers=headers or {})
        await channel.default_exchange.publish(message, queue)


async def test_an_event_written_with_its_document_reaches_a_consumer_once(
    servers: Servers, vhost: Vhost, office: Database
) -> None:
    received, sender = Received(), assignment(vhost.amqp_url, office, sweep_interval=60)
    async with consuming(vhost.amqp_url, received) as receiver, sender.running(subscribed("assignment")):
        await sender.started.wait()
        await write(office, 1)
        sender.relay.wake("agencies", "so-1")
        await settled(servers, vhost, ["notification"], outboxes=[office["agencies"]], messagings=[receiver])
    assert received.events == [agency_event(1)]
    assert await office["agencies"].find_one() == {"_id": "so-1", "outbox": []}


async def test_what_a_crash_left_between_write_and_publish_is_swept(amqp_url: str, office: Database) -> None:
    await write(office, 1, 2, 3)
    received = Received()
    async with consuming(amqp_url, received), assignment(amqp_url, office).running(subscribed("assignment")):
        await wait_until(lambda: received.count_is(3), "three swept events arrive")
        await wait_until(lambda: _is_zero(waiting(office)), "the outboxes are cleared")


async def test_one_documents_events_leave_in_the_order_they_were_written(amqp_url: str, office: Database) -> None:
    events = [agency_event(1, id=f"so-1:{version}", sequence=str(version)) for version in range(1, 21)]
    await office["agencies"].insert_one({"_id": "so-1", **outbox.fields(events[:1])})
    for event in events[1:]:
        await office["agencies"].update_one({"_id": "so-1"}, outbox.push([event]))
    received = Received()
    async with (
        consuming(amqp_url, received, prefetch=1),
        assignment(amqp_url, office).running(subscribed("assignment")),
    ):
        await wait_until(lambda: received.count_is(20), "twenty events arrive")
    assert received.events == events


async def test_an_event_added_while_another_is_cleared_stays(office: Database) -> None:
    first, second = agency_event(1), agency_event(1, id="so-1:2")
    box = outbox.Outbox(office["agencies"])
    await box.ensure_index()
    await office["agencies"].insert_one({"_id": "so-1", **outbox.fields([first])})
    await office["agencies"].update_one({"_id": "so-1"}, outbox.push([second]))
    await box.clear({"so-1": [first.id]})
    [[pending]] = [records async for records in box.load(["so-1"])]
    assert [entry.id for entry in pending.entries] == [second.id]
    assert await box.depth() == (1, pending.entries[0].at)


async def test_the_sweep_and_the_depth_use_the_index(office: Database) -> None:
    box = outbox.Outbox(office["agencies"])
    await box.ensure_index()
    await write(office, 1)
    found = office["agencies"].find({"pending_since": {"$exists": True}}).sort("pending_since")
    plan = await found.explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
    swept = office["agencies"].find({"pending_since": {"$lte": agency_event().time}}).sort("pending_since")
    plan = await swept.explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def test_two_relays_on_one_collection_lose_nothing(amqp_url: str, office: Database) -> None:
    numbers = range(300)
    await write(office, *numbers)
    received = Received()
    first, second = assignment(amqp_url, office), assignment(amqp_url, office)
    async with (
        consuming(amqp_url, received),
        first.running(subscribed("assignment")),
        second.running(subscribed("assignment")),
    ):
        await wait_until(lambda: _is_zero(waiting(office)), "both have cleared the outboxes")
        await wait_until(
            lambda: {event.subject for event in received.events} == {f"so-{n}" for n in numbers}, "all arrive"
        )


async def test_the_same_event_twice_is_handed_over_twice(servers: Servers, vhost: Vhost) -> None:
    received = Received()
    async with consuming(vhost.amqp_url, received) as receiver:
        for _ in range(2):
            await publish(vhost.amqp_url, encode(agency_event(1)), events_queue("notification"))
        await settled(servers, vhost, ["notification"], messagings=[receiver])
    assert received.events == [agency_event(1)] * 2


async def test_a_failing_event_waits_longer_each_time_then_dies_and_blocks_nothing(
    servers: Servers, vhost: Vhost
) -> None:
    tries: list[float] = []
    others = Received()

    async def handle(event: Event[Any]) -> None:
        if event.id == agency_event(1).id:
            tries.append(asyncio.get_running_loop().time())
            raise ZeroDivisionError("cannot")
        await others(event)

    with capture_logs() as logs:
        async with consuming(vhost.amqp_url, handle, prefetch=1) as receiver:
            for number in (1, 2, 3):
                await publish(vhost.amqp_url, encode(agency_event(number)), events_queue("notification"))
            await settled(servers, vhost, ["notification"], messagings=[receiver])
    (dead,) = await messages_in(vhost.amqp_url, dead_queue("notification"))
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert len(waits) == len(DELAYS)
    assert all(waited >= delay for waited, delay in zip(waits, DELAYS, strict=True))
    assert [event.subject for event in others.events] == ["so-2", "so-3"]
    assert dead.body == encode(agency_event(1))
    assert dead.headers["dondoc-attempts"] == 4
    assert dead.headers["dondoc-error"] == "ZeroDivisionError: cannot"
    assert {"dondoc-first-failed-at", "dondoc-failed-at"} <= dead.headers.keys()
    assert [entry["event"] for entry in logs].count("event_dead") == 1


async def test_a_dead_letter_that_is_replayed_begins_anew(servers: Servers, vhost: Vhost) -> None:
    received = Received()
    headers = {"dondoc-attempts": 4, "dondoc-error": "ZeroDivisionError: cannot"}
    failed_before: list[str] = []

    async def fail_once(event: Event[Any]) -> None:
        if not failed_before:
            failed_before.append(event.id)
            raise RetryLater
        await received(event)

    async with consuming(vhost.amqp_url, fail_once) as receiver:
        await publish(vhost.amqp_url, encode(agency_event(1)), events_queue("notification"), headers)
        await settled(servers, vhost, ["notification"], messagings=[receiver])
    assert received.events == [agency_event(1)]


async def test_unreadable_bytes_die_at_once_and_block_nothing(servers: Servers, vhost: Vhost) -> None:
    received = Received()
    unreadable = (b"\xff\xfe", b"{}", b"[" * 100_000, b'{"type": "task.eaten.v1"}')
    async with consuming(vhost.amqp_url, received) as receiver:
        for body in unreadable:
            await publish(vhost.amqp_url, body, events_queue("notification"))
        await publish(vhost.amqp_url, encode(agency_event(1)), events_queue("notification"))
        await settled(servers, vhost, ["notification"], messagings=[receiver])
    dead = await messages_in(vhost.amqp_url, dead_queue("notification"))
    assert sorted(message.body for message in dead) == sorted(unreadable)
    assert all(message.headers["dondoc-attempts"] == 1 for message in dead)
    assert received.events == [agency_event(1)]


async def test_an_event_nobody_handles_is_acknowledged(servers: Servers, vhost: Vhost) -> None:
    messaging = messaging_of("notification", vhost.amqp_url, retry_delays=DELAYS)
    async with messaging.running(subscribed("notification")):
        await messaging.started.wait()
        await publish(vhost.amqp_url, encode(agency_event(1)), events_queue("notification"))
        await settled(servers, vhost, ["notification"], messagings=[messaging])
    assert await messages_in(vhost.amqp_url, dead_queue("notification")) == []


async def test_what_a_handler_causes_belongs_to_the_event(amqp_url: str) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def look(_: Event[Any]) -> None:
        seen.append((context.correlation_id(), context.causation_id()))

    async with consuming(amqp_url, look):
        await publish(amqp_url, encode(agency_event(7)), events_queue("notification"))
        await wait_until(lambda: bool(seen), "the event is handled")
    assert seen == [("request-7", "so-7:1")]
    assert (context.correlation_id(), context.causation_id()) == (None, None)


async def test_an_unroutable_message_raises(amqp_url: str) -> None:
    publisher = Publisher(amqp_url, DELAYS, name="tests")
    await publisher.open()
    message = make_message(b"{}", event_id="1", event_type="nobody.asked.v1", headers={})
    with pytest.raises(UnroutableError, match=r"nobody\.asked\.v1"):
        await publisher.publish(message, "nobody.asked.v1", exchange=EXCHANGE)
    await publisher.close()


async def test_an_unroutable_event_stays_in_its_outbox_and_holds_up_no_other(amqp_url: str, office: Database) -> None:
    stray = agency_event(1).model_copy(update={"type": "nobody.asked.v1"})
    await office["agencies"].insert_one({"_id": "so-1", **outbox.fields([stray])})
    await write(office, 2)
    received = Received()
    async with consuming(amqp_url, received), assignment(amqp_url, office).running(subscribed("assignment")):
        await wait_until(lambda: received.count_is(1), "the other event arrives")
    assert await waiting(office) == 1


async def test_a_queue_deleted_while_running_is_made_anew(servers: Servers, vhost: Vhost, office: Database) -> None:
    received, sender = Received(), assignment(vhost.amqp_url, office)
    queue = f"/api/queues/{vhost.name}/{events_queue('notification')}"
    async with consuming(vhost.amqp_url, received) as receiver, sender.running(subscribed("assignment")):
        await sender.started.wait()
        (await servers.management.delete(queue)).raise_for_status()
        await wait_until(lambda: _is_consumed(servers, queue), "the queue is consumed again")
        await write(office, 1)
        await settled(servers, vhost, ["notification"], outboxes=[office["agencies"]], messagings=[receiver])
    assert received.events == [agency_event(1)]


async def test_an_exchange_deleted_while_running_is_made_anew(servers: Servers, vhost: Vhost, office: Database) -> None:
    received, sender = Received(), assignment(vhost.amqp_url, office)
    async with consuming(vhost.amqp_url, received), sender.running(subscribed("assignment")):
        await sender.started.wait()
        (await servers.management.delete(f"/api/exchanges/{vhost.name}/{EXCHANGE}")).raise_for_status()
        await write(office, 1)
        await wait_until(lambda: received.count_is(1), "the event arrives")


async def test_handlers_that_run_finish_before_the_service_ends(amqp_url: str) -> None:
    started, may_end, received = asyncio.Event(), asyncio.Event(), Received()

    async def slow(event: Event[Any]) -> None:
        started.set()
        await may_end.wait()
        await received(event)

    messaging = messaging_of("notification", amqp_url, retry_delays=DELAYS)
    async with messaging.running(subscribed("notification", {AGENCY_CHANGED: slow})):
        await messaging.started.wait()
        await publish(amqp_url, encode(agency_event(1)), events_queue("notification"))
        await started.wait()
        asyncio.get_running_loop().call_soon(may_end.set)
    assert received.count_is(1)
    assert await ready_in(amqp_url, events_queue("notification")) == 0


async def test_what_is_acknowledged_together_has_been_handled(servers: Servers, vhost: Vhost) -> None:
    may_end, received = asyncio.Event(), Received()

    async def handle(event: Event[Any]) -> None:
        if event.subject in {"so-1", "so-4"}:
            await may_end.wait()
        await received(event)

    async def unacknowledged() -> int:
        queues = await servers.queues(vhost.name)
        return next(queue.unacknowledged for queue in queues if queue.name == events_queue("notification"))

    async def is_settled(held: int) -> bool:
        return messaging.in_flight == held and await unacknowledged() == held

    async with consuming(vhost.amqp_url, handle) as messaging:
        for number in range(1, 10):
            await publish(vhost.amqp_url, encode(agency_event(number)), events_queue("notification"))
        await wait_until(lambda: received.count_is(7), "all but two are handled")
        await wait_until(lambda: is_settled(2), "those two, and no more, are not acknowledged")
        may_end.set()
        await wait_until(lambda: is_settled(0), "all are acknowledged")
    assert len(received.events) == 9, "none came twice"


async def test_what_happens_is_counted(servers: Servers, vhost: Vhost, office: Database) -> None:
    labels = {"service": "notification", "type": AGENCY_CHANGED}
    before = REGISTRY.get_sample_value("dondoc_messages_handled_total", labels | {"outcome": "ok"}) or 0.0
    received, sender = Received(), assignment(vhost.amqp_url, office)
    async with consuming(vhost.amqp_url, received) as receiver, sender.running(subscribed("assignment")):
        await write(office, 1, 2)
        await settled(servers, vhost, ["notification"], outboxes=[office["agencies"]], messagings=[receiver])
        await sender.measure()
    assert REGISTRY.get_sample_value("dondoc_messages_handled_total", labels | {"outcome": "ok"}) == before + 2
    assert REGISTRY.get_sample_value("dondoc_message_age_seconds_count", labels)
    pending = {"service": "assignment", "collection": "agencies"}
    assert REGISTRY.get_sample_value("dondoc_outbox_oldest_seconds", pending) is not None


async def _is_zero(counted: Awaitable[int]) -> bool:
    return await counted == 0


async def _is_consumed(servers: Servers, queue: str) -> bool:
    response = await servers.management.get(queue)
    return response.is_success and bool(response.json().get("consumers"))


async def test_a_relay_that_keeps_breaking_is_counted(vhost: Vhost, office: Database) -> None:
    """Nobody else tells of it: the broker and MongoDB are there."""
    spoiled = {"_id": "so-1", "outbox": [{"id": "without a type"}], "pending_since": datetime(2026, 11, 24, tzinfo=UTC)}
    await office["agencies"].insert_one(spoiled)
    before = _relay_failures()
    async with assignment(vhost.amqp_url, office).running(subscribed("assignment")):
        await wait_until(lambda: _relay_failures() >= before + 2, "it has broken twice")


def _relay_failures() -> float:
    labels = {"service": "assignment", "task": "relay"}
    return REGISTRY.get_sample_value("dondoc_background_failures_total", labels) or 0.0
