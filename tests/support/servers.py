"""Real servers, started once a run in a folder of their own. Each test uses them under unique names."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.credentials import new_password
from deploy.local.servers import Servers, running_servers


def unique(prefix: str) -> str:
    """Return a name that no other test and no other run uses."""
    return f"{prefix}-{secrets.token_hex(6)}"


@asynccontextmanager
async def temporary_servers(**options: Any) -> AsyncIterator[Servers]:
    """Run both servers in a folder that is deleted afterwards; `options` are those of `running_servers`."""
    with tempfile.TemporaryDirectory(prefix="dondoc-servers-", ignore_cleanup_errors=True) as folder:
        async with running_servers(Path(folder), **options) as servers:
            yield servers


@dataclass(frozen=True)
class Vhost:
    """A vhost of a test's own, and the address for a user who sees nothing else."""

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
    """A database of a test's own, and the address for a user who sees nothing else."""

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


def processes_naming(folder: Path) -> dict[int, str]:
    """Return the running processes whose command line or environment names `folder`: their ids and their programs."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and os.fsencode(folder) in (words := _words_of(entry)):
            found[int(entry.name)] = Path(os.fsdecode(words.split(b"\0")[0])).name
    return found


def _words_of(process: Path) -> bytes:
    """Return the command line and the environment of a process, or nothing if it has ended."""
    try:
        return b"".join((process / part).read_bytes() for part in ("cmdline", "environ"))
    except OSError:
        return b""
