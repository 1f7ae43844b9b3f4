"""MongoDB and RabbitMQ while they run, and the work of their administrators: databases, vhosts and users."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pymongo import AsyncMongoClient

from deploy.local.child import Child
from deploy.local.credentials import new_password
from deploy.local.fetch import ensure_installed
from deploy.local.mongod import Mongod, running_mongod
from deploy.local.rabbitmq import RabbitMQ, running_rabbitmq
from deploy.replica_set import put_user


@dataclass(frozen=True)
class QueueCount:
    """The number of messages in a queue at the broker's last tick (`rabbitmq.TICK_SECONDS`)."""

    name: str
    ready: int
    unacknowledged: int


@dataclass(frozen=True)
class Servers:
    """Both servers. Either of them can be stopped or killed and started again: `await servers.mongod.kill()`.

    Names of databases, vhosts and users must be plain words that need no quoting in an address.
    """

    mongod: Mongod
    rabbitmq: RabbitMQ
    administration: AsyncMongoClient[dict[str, Any]]
    management: httpx2.AsyncClient

    @property
    def children(self) -> list[Child]:
        return [self.mongod.child, self.rabbitmq.broker, self.rabbitmq.epmd]

    @property
    def mongodb_uri(self) -> str:
        """The administrator's address of MongoDB."""
        return self.mongod.uri

    @property
    def management_uri(self) -> str:
        """The address of the broker's management API, with the administrator's credentials in it."""
        return self.rabbitmq.management_uri

    async def create_database_user(self, database: str, username: str, password: str) -> str:
        """Create a user who can read and write only `database`, and return the user's address. May be repeated."""
        await put_user(self.administration, database, username, password)
        return self.mongod.uri_of(username, password, database)

    async def drop_database(self, database: str) -> None:
        """Drop a database with its users."""
        await self.administration[database].command("dropAllUsersFromDatabase")
        await self.administration.drop_database(database)

    async def create_vhost(self, name: str) -> str:
        """Create a vhost, and return the administrator's address of it. May be repeated."""
        await self._manage("PUT", f"/api/vhosts/{name}")
        return self.rabbitmq.administrator_uri(name)

    async def delete_vhost(self, name: str) -> None:
        await self._manage("DELETE", f"/api/vhosts/{name}")

    async def create_broker_user(self, name: str, password: str, vhost: str) -> str:
        """Create a user who can do everything in `vhost` and nothing elsewhere; return the address. May be repeated."""
        await self._manage("PUT", f"/api/users/{name}", {"password": password, "tags": ""})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await self._manage("PUT", f"/api/permissions/{vhost}/{name}", everything)
        return self.rabbitmq.uri_of(name, password, vhost)

    async def delete_broker_user(self, name: str) -> None:
        await self._manage("DELETE", f"/api/users/{name}")

    async def queues(self, vhost: str) -> list[QueueCount]:
        """Count the messages in each queue of a vhost."""
        await self.rabbitmq.until_it_counts()
        totals = {"disable_stats": "true", "enable_queue_totals": "true"}
        response = await self.management.get(f"/api/queues/{vhost}", params=totals)
        return [
            QueueCount(queue["name"], queue.get("messages_ready", 0), queue.get("messages_unacknowledged", 0))
            for queue in response.raise_for_status().json()
        ]

    async def _manage(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        # DELETE is sent without a body: the broker may close the connection if there is a body that it does not read.
        response = await self.management.request(method, path, json=body)
        response.raise_for_status()


def _manager(uri: str) -> httpx2.AsyncClient:
    """Return a client of the management API. Its timeout is long because the API is slow when the broker is busy."""
    return httpx2.AsyncClient(base_url=uri, trust_env=False, timeout=30)


@asynccontextmanager
async def running_servers(
    folder: Path,
    *,
    passwords: dict[str, str] | None = None,
    keep_data: bool = False,
    mongod_options: Sequence[str] = (),
) -> AsyncIterator[Servers]:
    """Run both servers in `folder`. Their programs are fetched the first time. At the end no process of them is left.

    `passwords` are those of the administrators (`mongodb`, `rabbitmq`). A folder used before needs the same ones.
    """
    installation = await asyncio.to_thread(ensure_installed)
    folder = await asyncio.to_thread(folder.resolve)
    passwords = passwords or {"mongodb": new_password(), "rabbitmq": new_password()}
    async with (
        running_mongod(installation, folder / "mongodb", passwords["mongodb"], mongod_options) as mongod,
        running_rabbitmq(installation, folder / "rabbitmq", passwords["rabbitmq"], keep_data=keep_data) as rabbitmq,
        AsyncMongoClient[dict[str, Any]](mongod.uri, serverMonitoringMode="poll") as administration,
        _manager(rabbitmq.management_uri) as management,
    ):
        yield Servers(mongod, rabbitmq, administration, management)
