"""Queues and exchanges are deleted, late, full or blocked: everything heals by itself, and no kept event is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest

from deploy.local.rabbitmq import _environment
from deploy.local.servers import Servers
from shared.events.envelope import Event
from shared.events.names import AGENCY_CHANGED
from shared.messaging import outbox
from shared.messaging.publisher import NotPublishedError, Publisher, make_message
from shared.messaging.topology import EXCHANGE, dead_queue, events_queue, retry_queue
from shared.mongo import Collection, Database, connect
from tests.faults.conftest import Counts
from tests.support.consumers import CONSUMERS, DELAYS, running, send, sender
from tests.support.deadline_tasks import a_task, event_of
from tests.support.messaging import agency_event, messages_in, messaging_of, ready_in, settled, subscribed, wait_until
from tests.support.notification_events import task_told, the_directory
from tests.support.servers import Database as OwnDatabase
from tests.support.servers import Databases, Vhost

HOLDS: Final = {"deadline": "watches", "notification": "inbox", "reporting": "versions"}
A_DAY: Final = 86_400.0


@pytest.fixture
async def assignment_database(database: OwnDatabase) -> AsyncIterator[Database]:
    client = connect(database.uri, "tests")
    yield client[database.name]
    client.close()


async def delete(servers: Servers, vhost: Vhost, queue: str) -> None:
    (await servers.management.delete(f"/api/queues/{vhost.name}/{queue}")).raise_for_status()


async def is_consumed(servers: Servers, vhost: Vhost, queue: str) -> bool:
    answer = await servers.management.get(f"/api/queues/{vhost.name}/{queue}")
    return answer.is_success and bool(answer.json().get("consumers"))


def tasks(numbers: range) -> list[Event[Any]]:
    return [event_of(a_task(f"t-{number}")) for number in numbers]


async def holds(collection: Collection, events: Sequence[Event[Any]]) -> bool:
    wanted = [event.subject for event in events]
    return bool(await collection.count_documents({"task": {"$in": wanted}}) == len(wanted))


async def test_a_queue_deleted_under_load_is_made_anew_and_consumed_without_a_restart(
    servers: Servers, vhost: Vhost, databases: Databases, counts: Counts
) -> None:
    many = counts.of(300, 3_000)
    queue = events_queue("reporting")
    async with (
        running("reporting", await databases.create("reporting"), vhost.amqp_url) as collections,
        sender(vhost.amqp_url) as publisher,
    ):
        versions = collections["versions"]
        for start in (0, many):
            load = asyncio.create_task(send(publisher, tasks(range(start, start + many))))
            await wait_until(lambda: _is_at_work(versions, start), "events are being handled")  # noqa: B023 - awaited here
            await delete(servers, vhost, queue)
            await wait_until(lambda: is_consumed(servers, vhost, queue), "the queue is consumed again")
            await load
        later = tasks(range(2 * many, 2 * many + 50))
        await send(publisher, later)
        await wait_until(lambda: holds(versions, later), "all that came later is kept")
        await settled(servers, vhost, ["reporting"])
    assert await ready_in(vhost.amqp_url, dead_queue("reporting")) == 0


async def _is_at_work(versions: Collection, start: int) -> bool:
    return await versions.find_one({"task": f"t-{start + 20}"}) is not None


async def test_a_queue_deleted_while_its_service_is_stopped_is_made_anew_at_its_start(
    servers: Servers, vhost: Vhost, database: OwnDatabase
) -> None:
    missed, seen = tasks(range(2))
    async with sender(vhost.amqp_url) as publisher:
        async with running("reporting", database, vhost.amqp_url):
            pass
        await delete(servers, vhost, events_queue("reporting"))
        await send(publisher, [missed])
        async with running("reporting", database, vhost.amqp_url) as collections:
            await send(publisher, [seen])
            await wait_until(lambda: holds(collections["versions"], [seen]), "what came later is kept")
            # No queue could keep the lost event. `check` names it, because it asks assignment.
            assert await collections["versions"].count_documents({}) == 1


async def test_an_exchange_deleted_under_load_loses_nothing_to_anyone(
    servers: Servers, vhost: Vhost, assignment_database: Database, counts: Counts
) -> None:
    many = counts.of(400, 4_000)
    sending = messaging_of(
        "assignment",
        vhost.amqp_url,
        outboxes=[assignment_database["agencies"]],
        retry_delays=DELAYS,
        sweep_interval=0.2,
    )
    async with AsyncExitStack() as stack:
        heard = {
            service: await stack.enter_async_context(_hearing(service, vhost))
            for service in ("notification", "reporting")
        }
        await stack.enter_async_context(sending.running(subscribed("assignment")))
        await sending.started.wait()
        for start in range(0, many, many // 4):
            await _write(assignment_database, range(start, start + many // 4))
            sending.relay.wake_many("agencies", [f"so-{number}" for number in range(start, start + many // 4)])
            await wait_until(lambda: len(heard["reporting"]) > start + 10, "events are on their way")  # noqa: B023
            (await servers.management.delete(f"/api/exchanges/{vhost.name}/{EXCHANGE}")).raise_for_status()
        await wait_until(lambda: _is_cleared(assignment_database["agencies"]), "the outboxes are cleared", within=60)
        await settled(servers, vhost, list(heard))
    assert {service: len(subjects) for service, subjects in heard.items()} == dict.fromkeys(heard, many)


@asynccontextmanager
async def _hearing(service: str, vhost: Vhost) -> AsyncIterator[set[str]]:
    """Run a consumer that only notes what it receives, and yield its notes."""
    subjects: set[str] = set()

    async def note(event: Event[Any]) -> None:
        subjects.add(event.subject)

    messaging = messaging_of(service, vhost.amqp_url, retry_delays=DELAYS)
    async with messaging.running(subscribed(service, {AGENCY_CHANGED: note})):
        await messaging.started.wait()
        yield subjects


async def _write(assignment_database: Database, numbers: range) -> None:
    documents = [{"_id": f"so-{number}", **outbox.fields([agency_event(number)])} for number in numbers]
    await assignment_database["agencies"].insert_many(documents)


async def _is_cleared(collection: Collection) -> bool:
    return await collection.find_one({"pending_since": {"$exists": True}}) is None


async def test_retry_and_dead_letter_queues_are_made_anew_when_they_are_needed(servers: Servers, vhost: Vhost) -> None:
    async def fail(_: Event[Any]) -> None:
        raise ZeroDivisionError("cannot")

    messaging = messaging_of("notification", vhost.amqp_url, retry_delays=(0.05, 0.1))
    async with (
        messaging.running(subscribed("notification", {AGENCY_CHANGED: fail})),
        sender(vhost.amqp_url, (0.05, 0.1)) as publisher,
    ):
        await messaging.started.wait()
        for queue in (retry_queue("notification", 0.05), retry_queue("notification", 0.1), dead_queue("notification")):
            await delete(servers, vhost, queue)
        await send(publisher, [agency_event(1), agency_event(2)])
        await wait_until(lambda: _are_dead(vhost, 2), "both have failed to the end")
    assert await ready_in(vhost.amqp_url, events_queue("notification")) == 0


async def _are_dead(vhost: Vhost, count: int) -> bool:
    return await ready_in(vhost.amqp_url, dead_queue("notification")) == count


async def test_consumers_that_first_start_after_many_events_get_every_one(
    servers: Servers, vhost: Vhost, databases: Databases, counts: Counts
) -> None:
    many = counts.of(200, 1_000)
    events = [task_told("assigned", id=f"t-{number}") for number in range(many)]
    async with sender(vhost.amqp_url) as publisher:
        await send(publisher, the_directory())
        lanes = (events[lane::20] for lane in range(20))
        await asyncio.gather(*(send(publisher, lane) for lane in lanes))
    async with AsyncExitStack() as stack:
        for service in CONSUMERS:
            made = await databases.create(service)
            # The events of accounts are before those of tasks in the queue, so every account is known in time.
            collections = await stack.enter_async_context(running(service, made, vhost.amqp_url))
            await settled(servers, vhost, [service], within=120)
            field = "_id" if service == "deadline" else "task_id" if service == "notification" else "task"
            kept = await collections[HOLDS[service]].distinct(field)
            assert len(kept) == many, service
            assert await messages_in(vhost.amqp_url, dead_queue(service)) == []


async def test_no_more_is_taken_than_was_asked_for(servers: Servers, vhost: Vhost) -> None:
    may_end, running_now, most, done = asyncio.Event(), set[str](), list[int](), list[str]()

    async def wait(event: Event[Any]) -> None:
        running_now.add(event.id)
        most.append(len(running_now))
        await may_end.wait()
        running_now.discard(event.id)
        done.append(event.id)

    messaging = messaging_of("notification", vhost.amqp_url, retry_delays=DELAYS, prefetch=3)
    async with (
        messaging.running(subscribed("notification", {AGENCY_CHANGED: wait})),
        sender(vhost.amqp_url) as publisher,
    ):
        await messaging.started.wait()
        await send(publisher, [agency_event(number) for number in range(20)])
        await wait_until(lambda: messaging.in_flight == 3, "three are taken")
        assert await ready_in(vhost.amqp_url, events_queue("notification")) == 17
        may_end.set()
        await settled(servers, vhost, ["notification"], messagings=[messaging])
    assert max(most) == 3
    assert len(done) == 20


async def test_while_the_broker_has_no_memory_left_publishers_wait_and_lose_nothing(
    servers: Servers, vhost: Vhost, assignment_database: Database
) -> None:
    sending = messaging_of(
        "assignment",
        vhost.amqp_url,
        outboxes=[assignment_database["agencies"]],
        retry_delays=DELAYS,
        sweep_interval=0.2,
    )
    async with _hearing("reporting", vhost) as heard, sending.running(subscribed("assignment")):
        await sending.started.wait()
        await _control(servers, "set_vm_memory_high_watermark", "0")
        try:
            await _write(assignment_database, range(200))
            sending.relay.wake_many("agencies", [f"so-{number}" for number in range(200)])
            await wait_until(lambda: _is_blocked(servers, vhost), "the broker blocks whoever publishes")
            assert not await _is_cleared(assignment_database["agencies"])
        finally:
            await _control(servers, "set_vm_memory_high_watermark", "0.6")
        await wait_until(lambda: len(heard) == 200, "all arrive", within=60)
        await wait_until(lambda: _is_cleared(assignment_database["agencies"]), "the outboxes are cleared", within=60)


async def test_what_a_blocked_broker_does_not_take_is_not_kept_to_be_sent_again_and_again(
    servers: Servers, vhost: Vhost
) -> None:
    queue = events_queue("reporting")
    publisher = Publisher(vhost.amqp_url, DELAYS, name="tests", timeout=0.3)
    await publisher.open()
    await _control(servers, "set_vm_memory_high_watermark", "0")
    try:
        await wait_until(partial(_is_refused, publisher, queue), "the broker blocks whoever publishes")
        await wait_until(lambda: _is_blocked(servers, vhost), "the connection is known to be blocked")
        for _ in range(20):
            assert await _is_refused(publisher, queue)
    finally:
        await _control(servers, "set_vm_memory_high_watermark", "0.6")
    await wait_until(partial(_is_taken, publisher, queue), "the broker takes messages again", within=60)
    taken = await ready_in(vhost.amqp_url, queue)
    await publisher.close()
    assert taken <= 3, "the one that met the alarm, perhaps one more, and the last"


async def _is_refused(publisher: Publisher, queue: str) -> bool:
    return not await _is_taken(publisher, queue)


async def _is_taken(publisher: Publisher, queue: str) -> bool:
    message = make_message(b"{}", event_id=uuid4().hex, event_type="any", headers={})
    try:
        await publisher.publish(message, queue)
    except NotPublishedError:
        return False
    return True


async def _control(servers: Servers, *command: str) -> None:
    broker = servers.rabbitmq
    environment = {**broker._installation.rabbitmq_environment, **_environment(broker._folder, broker._ports)}
    process = await asyncio.create_subprocess_exec(
        broker._installation.rabbitmq_bin / "rabbitmqctl", *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


async def _is_blocked(servers: Servers, vhost: Vhost) -> bool:
    answer = (await servers.management.get(f"/api/vhosts/{vhost.name}/connections")).raise_for_status()
    return any(connection.get("state") in {"blocking", "blocked"} for connection in answer.json())
