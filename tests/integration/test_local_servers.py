"""The servers that the local stack starts: reachable, walled off from one another, and gone when stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aio_pika
import pytest
from aio_pika.exceptions import AMQPConnectionError
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.local.mongod import Mongod
from deploy.local.ports import accepts_connections
from deploy.local.servers import QueueCount, Servers, running_servers
from tests.support.servers import Database, Databases, Vhost, processes_naming, temporary_servers, temporary_vhost

Record = dict[str, object]


async def test_a_user_reads_and_writes_its_own_database(database: Database) -> None:
    async with _client(database.uri) as client:
        await client[database.name].things.insert_one({"_id": 1})
        assert await client[database.name].things.find_one() == {"_id": 1}


async def test_a_user_is_confined_to_its_database(databases: Databases) -> None:
    own, other = await databases.create(), await databases.create()
    async with _client(own.uri) as client:
        with pytest.raises(OperationFailure, match="not authorized"):
            await client[other.name].things.find_one()


async def test_nobody_reads_without_a_password(servers: Servers) -> None:
    async with _client(f"mongodb://127.0.0.1:{servers.mongod.port}/") as client:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await client.test.things.find_one()


async def test_a_message_comes_back_from_a_quorum_queue(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("q", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), routing_key="q")
        message = await queue.get(timeout=5)
        assert message
        assert message.body == b"hello"


async def test_a_vhost_is_closed_to_the_user_of_another(servers: Servers, vhost: Vhost) -> None:
    async with temporary_vhost(servers) as other:
        with pytest.raises(AMQPConnectionError):
            await aio_pika.connect(vhost.amqp_url.replace(f"/{vhost.name}", f"/{other.name}"))


async def test_stopped_servers_leave_no_process(tmp_path: Path) -> None:
    async with running_servers(tmp_path):
        assert {"mongod", "beam.smp", "epmd"} <= set(processes_naming(tmp_path).values())
    assert processes_naming(tmp_path) == {}


async def test_two_stacks_of_servers_run_side_by_side(servers: Servers) -> None:
    async with temporary_servers() as others:
        assert others.mongod.port != servers.mongod.port
        await asyncio.gather(others.create_vhost("same"), servers.create_vhost("same"))
        for either in (others, servers):
            await either.delete_vhost("same")


async def test_a_second_start_keeps_data_and_queues(tmp_path: Path) -> None:
    passwords = {"mongodb": "demo-one", "rabbitmq": "demo-two"}
    async with running_servers(tmp_path, passwords=passwords, keep_data=True) as first:
        await first.administration.test.things.insert_one({"_id": 1})
        await _publish_one(await first.create_vhost("kept"))
    async with running_servers(tmp_path, passwords=passwords, keep_data=True) as second:
        assert await second.administration.test.things.find_one() == {"_id": 1}
        assert await _ready_messages(second.rabbitmq.administrator_uri("kept")) == 1


@pytest.fixture(scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers of this file's own, which it may stop."""
    async with running_servers(tmp_path_factory.mktemp("mortal")) as servers:
        yield servers


@pytest.mark.parametrize("end", [Mongod.stop, Mongod.kill])
async def test_mongodb_comes_back_at_its_address_with_its_data(
    mortal: Servers, end: Callable[[Mongod], Awaitable[None]]
) -> None:
    things = mortal.administration.test[f"before-{end.__name__}"]
    address = await mortal.create_database_user("test", "somebody", "demo-one")
    await things.insert_one({"_id": 1})
    await end(mortal.mongod)
    assert not await accepts_connections(mortal.mongod.port)
    await mortal.mongod.start()
    assert await things.find_one() == {"_id": 1}
    async with _client(address) as client:
        assert await client.test[things.name].find_one() == {"_id": 1}


async def test_the_broker_comes_back_at_its_address_with_its_messages(mortal: Servers) -> None:
    address = await mortal.create_vhost("kept")
    # A kill comes second: of a queue that is younger than half a second, it leaves only the name.
    for number, end in enumerate((mortal.rabbitmq.stop, mortal.rabbitmq.kill), start=1):
        await _publish_one(address)
        await end()
        assert not await accepts_connections(mortal.rabbitmq.amqp_port)
        await mortal.rabbitmq.start()
        assert await mortal.queues("kept") == [QueueCount("q", ready=number, unacknowledged=0)]
        assert await _ready_messages(address) == number


def _client(address: str) -> AsyncMongoClient[Record]:
    return AsyncMongoClient(address, serverMonitoringMode="poll")


async def _publish_one(address: str) -> None:
    async with await aio_pika.connect(address) as connection:
        channel = await connection.channel()
        await channel.declare_queue("q", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key="q")


async def _ready_messages(address: str) -> int | None:
    async with await aio_pika.connect(address) as connection:
        queue = await (await connection.channel()).declare_queue("q", passive=True)
        return queue.declaration_result.message_count
