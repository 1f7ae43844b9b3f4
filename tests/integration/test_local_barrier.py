"""The barrier that tests wait at: it lets nobody pass while something is on its way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from deploy.local.barrier import wait_until_quiet
from deploy.local.failure import LocalStackError
from deploy.local.servers import Servers
from shared.messaging.topology import EXCHANGE, dead_queue, declare, events_queue, retry_queue
from tests.support.servers import Database, Vhost


@dataclass(frozen=True)
class Quiet:
    """A vhost with the whole topology and an empty database, where nothing happens but what a test does."""

    servers: Servers
    vhost: Vhost
    database: Database
    channel: AbstractChannel

    async def wait(self, seconds: float = 20) -> None:
        databases, services = [self.database.name], ["assignment", "deadline", "notification", "reporting"]
        await wait_until_quiet(self.servers, self.vhost.name, databases, services, seconds=seconds)

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
    tasks = quiet.servers.administration[quiet.database.name].tasks
    await tasks.insert_one({"_id": 1, "pending_since": 1})
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
