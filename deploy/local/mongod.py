"""A MongoDB server of our own: a one-member replica set with users, on the loopback."""

import base64
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, OperationFailure

from deploy.local.child import Child
from deploy.local.installation import Installation
from deploy.local.ports import accepts_connections, on_free_ports

_ADMINISTRATOR = "dondoc-admin"
_REPLICA_SET = "dondoc"
_UNAUTHORIZED, _ALREADY_INITIALIZED = 13, 23

_Client = AsyncMongoClient[dict[str, Any]]


class Mongod:
    """A server on one port, with its data in one folder and its administrator's password, through all its lives."""

    child: Child
    """The process of its latest life."""

    def __init__(self, installation: Installation, folder: Path, port: int, password: str) -> None:
        self._installation = installation
        self._folder = folder
        self.port = port
        self.password = password

    @property
    def uri(self) -> str:
        return self.uri_of(_ADMINISTRATOR, self.password, "admin")

    def uri_of(self, username: str, password: str, database: str) -> str:
        """Return the address for a user of `database`."""
        path = "" if database == "admin" else database
        options = f"replicaSet={_REPLICA_SET}&authSource={database}"
        return f"mongodb://{username}:{password}@127.0.0.1:{self.port}/{path}?{options}"

    async def start(self) -> None:
        """Start the server, with the data it had before, and wait until it is primary."""
        (self._folder / "data").mkdir(parents=True, exist_ok=True)
        command = [self._installation.mongod, *_options(self._folder, self.port)]
        log = self._folder / "mongod.log"
        self.child = await Child.start("mongod", command, log, self._installation.mongod_environment)
        try:
            await self.child.until(lambda: accepts_connections(self.port), seconds=60)
            await _become_primary(self)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ask the server to end and wait for it."""
        await self.child.stop()

    async def kill(self) -> None:
        """End the server as a power cut would."""
        await self.child.kill()


@asynccontextmanager
async def running_mongod(installation: Installation, folder: Path, password: str) -> AsyncIterator[Mongod]:
    """Run a server with its data in `folder`; a folder used before keeps its data, also on another port."""

    async def start(ports: Sequence[int]) -> Mongod:
        mongod = Mongod(installation, folder, ports[0], password)
        await mongod.start()
        return mongod

    mongod = await on_free_ports(1, start)
    try:
        yield mongod
    finally:
        await mongod.stop()


def _options(folder: Path, port: int) -> Sequence[str | Path]:
    return [
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
        *("--dbpath", folder / "data", "--wiredTigerCacheSizeGB", "0.25"),
        *("--replSet", _REPLICA_SET, "--oplogSize", "64"),
        *("--keyFile", _key_file(folder), "--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def _key_file(folder: Path) -> Path:
    """Make what members of a replica set know one another by; a server with users insists on one."""
    path = folder / "key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(base64.b64encode(secrets.token_bytes(96)).decode(), encoding="ascii")
    return path


async def _become_primary(mongod: Mongod) -> None:
    async with _client(mongod) as client:
        if await _initiate(client, mongod):
            await mongod.child.until(lambda: _is_primary(client), seconds=30)
            # Until the first user exists, a connection from the machine itself may create it.
            roles = ["root"]
            await client.admin.command("createUser", _ADMINISTRATOR, pwd=mongod.password, roles=roles)
        else:
            await _take_new_address(mongod)
            await mongod.child.until(lambda: _is_primary(client), seconds=30)


async def _initiate(client: _Client, mongod: Mongod) -> bool:
    """Make the replica set and say so; a folder used before has one already, and users who forbid it."""
    try:
        await client.admin.command("replSetInitiate", _configuration(mongod, version=1))
    except OperationFailure as error:
        if error.code in {_UNAUTHORIZED, _ALREADY_INITIALIZED}:
            return False
        raise
    return True


async def _take_new_address(mongod: Mongod) -> None:
    """Write the port into the configuration: a member that does not find itself there belongs nowhere."""
    async with _client(mongod, f"{_ADMINISTRATOR}:{mongod.password}@") as client:
        present = (await client.admin.command("replSetGetConfig"))["config"]
        if present["members"][0]["host"] != f"127.0.0.1:{mongod.port}":
            changed = {**present, **_configuration(mongod, version=present["version"] + 1)}
            await client.admin.command("replSetReconfig", changed, force=True)


def _configuration(mongod: Mongod, version: int) -> dict[str, Any]:
    members = [{"_id": 0, "host": f"127.0.0.1:{mongod.port}"}]
    return {"_id": _REPLICA_SET, "version": version, "members": members}


async def _is_primary(client: _Client) -> bool:
    try:
        return bool((await client.admin.command("hello"))["isWritablePrimary"])
    except AutoReconnect:
        return False


def _client(mongod: Mongod, credentials: str = "") -> _Client:
    address = f"mongodb://{credentials}127.0.0.1:{mongod.port}/"
    # Without polling, a client closed soon after its first answer leaves a half-open connection to the collector.
    return AsyncMongoClient(
        address, directConnection=True, serverSelectionTimeoutMS=10_000, serverMonitoringMode="poll"
    )
