"""The barrier that tests wait at: it lets nobody pass while something is on its way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from deploy.local.barrier import wait_until_idle, wait_until_quiet
from deploy.local.failure import LocalStackError
from deploy.local.servers import Servers
from deploy.services import SERVICES
from shared.messaging.topology import EXCHANGE, dead_queue, declare, events_queue, retry_queue
from tests.support.servers import Database, Vhost

NOW = datetime(2026, 10, 5, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Quiet:
    """A vhost with the whole topology and an empty database, where nothing happens but what a test does."""

    servers: Servers
    vhost: Vhost
    database: Database
    channel: AbstractChannel

    async def wait(self, seconds: float = 20) -> None:
        await wait_until_quiet(self.servers, self.vhost.name, [self.database.name], SERVICES, seconds=seconds)

    async def wait_until_idle(self, seconds: float = 20) -> None:
        databases = dict.fromkeys(SERVICES, self.database.name)
        await wait_until_idle(self.servers, self.vhost.name, databases, lambda: NOW, seconds=seconds)

    async def store(self, collection: str, document: dict[str, Any]) -> None:
        await self.servers.administration[self.database.name][collection].insert_one(document)

    async def publish_a_miss(self) -> None:
        """Publish what assignment alone is sent, beside those who are sent every `deadline.*` event."""
        exchange = await self.channel.get_exchange(EXCHANGE)
        await exchange.publish(aio_pika.Message(b"{}"), routing_key="deadline.missed.v1")

    async def take(self, service: str) -> AbstractIncomingMessage:
        queue = await self.channel.get_queue(events_queue(service))
        message = await queue.get(timeout=5)
        assert message
        return message


@pytest.fixture
async def quiet(servers: Servers, vhost: Vhost, database: Database) -> AsyncIterator[Quiet]:
    async with await aio_pika.connect(vhost.amqp_url) as connection:
        channel = await connection.channel()
        await declare(channel, [0.5])
        yield Quiet(servers, vhost, database, channel)


async def test_where_nothing_is_on_its_way_the_barrier_opens(quiet: Quiet) -> None:
    await quiet.wait()


async def test_an_event_in_an_outbox_holds_the_barrier(quiet: Quiet) -> None:
    await quiet.store("tasks", {"_id": 1, "pending_since": 1})
    with pytest.raises(LocalStackError, match=r"an outbox in .*\.tasks"):
        await quiet.wait(seconds=1)


async def test_a_message_being_handled_holds_the_barrier_until_it_is_acknowledged(quiet: Quiet) -> None:
    await quiet.publish_a_miss()
    messages = [await quiet.take(service) for service in ("assignment", "notification", "reporting")]
    with pytest.raises(LocalStackError, match="0 ready, 1 being handled"):
        await quiet.wait(seconds=2)
    waiting = asyncio.create_task(quiet.wait())
    for message in messages:
        await message.ack()
    await waiting


async def test_a_message_waiting_to_be_tried_again_holds_the_barrier(quiet: Quiet) -> None:
    message = aio_pika.Message(b"{}")
    await quiet.channel.default_exchange.publish(message, routing_key=retry_queue("reporting", 0.5))
    with pytest.raises(LocalStackError, match=r"reporting\.(retry|events)"):
        await quiet.wait(seconds=3)


async def test_dead_letters_do_not_hold_the_barrier(quiet: Quiet) -> None:
    await quiet.channel.default_exchange.publish(aio_pika.Message(b"{}"), routing_key=dead_queue("reporting"))
    await quiet.wait()


async def test_all_is_settled_when_every_service_has_the_newest_version_and_no_moment_has_come(quiet: Quiet) -> None:
    await quiet.store("tasks", {"_id": "a", "version": 2})
    await quiet.store("watches", {"_id": "a", "sequence": 2, "next_moment": NOW + timedelta(seconds=1)})
    for sequence in (1, 2):
        await quiet.store("versions", {"task": "a", "sequence": sequence})
    await quiet.wait_until_idle()


async def test_nothing_is_settled_while_a_moment_that_has_come_is_not_dealt_with(quiet: Quiet) -> None:
    await quiet.store("watches", {"_id": "a", "sequence": 1, "next_moment": NOW - timedelta(milliseconds=1)})
    with pytest.raises(LocalStackError, match=r"not settled within 1 s: deadline has not dealt with .* of a"):
        await quiet.wait_until_idle(seconds=1)


async def test_nothing_is_settled_while_a_copy_is_old(quiet: Quiet) -> None:
    await quiet.store("tasks", {"_id": "a", "version": 2})
    await quiet.store("watches", {"_id": "a", "sequence": 1})
    await quiet.store("versions", {"task": "a", "sequence": 2})
    with pytest.raises(LocalStackError, match=r"deadline has version 1 of a, assignment 2$"):
        await quiet.wait_until_idle(seconds=2)


async def test_a_dead_letter_is_no_settlement(quiet: Quiet) -> None:
    await quiet.channel.default_exchange.publish(aio_pika.Message(b"{}"), routing_key=dead_queue("reporting"))
    with pytest.raises(LocalStackError, match=r"given up: 1 in reporting\.dead"):
        await quiet.wait_until_idle()
