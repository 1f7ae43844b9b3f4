"""Real servers for the tests: started once a run in a folder of their own, used under unique names."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.credentials import new_password
from deploy.local.servers import Servers, running_servers


def unique(prefix: str) -> str:
    """A name that no other test and no other run uses."""
    return f"{prefix}-{secrets.token_hex(6)}"


@asynccontextmanager
async def temporary_servers() -> AsyncIterator[Servers]:
    """Both servers in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dondoc-servers-", ignore_cleanup_errors=True) as folder:
        async with running_servers(Path(folder)) as servers:
            yield servers


@dataclass(frozen=True)
class Vhost:
    """A vhost of a test's own, and the address of a user who sees nothing else."""

    name: str
    amqp_url: str


@asynccontextmanager
async def temporary_vhost(servers: Servers) -> AsyncIterator[Vhost]:
    name = unique("test")
    await servers.create_vhost(name)
    try:
        yield Vhost(name, await servers.create_broker_user(name, new_password(), name))
    finally:
        await servers.delete_vhost(name)
        await servers.delete_broker_user(name)


@dataclass(frozen=True)
class Database:
    """A database of a test's own, and the address of a user who sees nothing else."""

    name: str
    uri: str


class Databases:
    """Makes databases of a test's own, each with a user who sees nothing else."""

    def __init__(self, servers: Servers, afterwards: AsyncExitStack) -> None:
        self._servers = servers
        self._afterwards = afterwards

    async def create(self, prefix: str = "test") -> Database:
        name = unique(prefix)
        self._afterwards.push_async_callback(self._servers.drop_database, name)
        uri = await self._servers.create_database_user(name, name, new_password())
        return Database(name, uri)
