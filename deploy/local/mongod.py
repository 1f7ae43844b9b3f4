"""The MongoDB server of a local stack: a replica set of one member, with users, on the loopback."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pymongo.errors import OperationFailure

from deploy.local.child import Child
from deploy.local.installation import Installation
from deploy.local.ports import accepts_connections, on_free_ports
from deploy.replica_set import REPLICA_SET, Client, configuration, initiate, is_primary, new_key

_ADMINISTRATOR = "dondoc-admin"
_UNAUTHORIZED = 13


class Mongod:
    """A server that can be stopped and started again, with the same port, data folder and administrator's password."""

    child: Child
    """The process that was started last."""

    def __init__(
        self, installation: Installation, folder: Path, port: int, password: str, options: Sequence[str] = ()
    ) -> None:
        self._installation = installation
        self._folder = folder
        self._options = options
        self.port = port
        self.password = password

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return self.uri_of(_ADMINISTRATOR, self.password, "admin")

    def uri_of(self, username: str, password: str, database: str) -> str:
        """Return the address for a user of `database`."""
        path = "" if database == "admin" else database
        options = f"replicaSet={REPLICA_SET}&authSource={database}"
        return f"mongodb://{username}:{password}@{self.host}/{path}?{options}"

    async def start(self) -> None:
        """Start the server with the data it had before, and wait until it is primary."""
        (self._folder / "data").mkdir(parents=True, exist_ok=True)
        command = [self._installation.mongod, *_options(self._folder, self.port), *self._options]
        log = self._folder / "mongod.log"
        self.child = await Child.start("mongod", command, log, self._installation.mongod_environment)
        try:
            await self.child.until(lambda: accepts_connections(self.port), seconds=60)
            await _become_primary(self)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ask the server to end, and wait until it has ended."""
        await self.child.stop()

    async def kill(self) -> None:
        """Kill the server, as a power cut would."""
        await self.child.kill()


@asynccontextmanager
async def running_mongod(
    installation: Installation, folder: Path, password: str, options: Sequence[str] = ()
) -> AsyncIterator[Mongod]:
    """Run a server with its data in `folder`. A folder used before keeps its data, even if the port is another."""

    async def start(ports: Sequence[int]) -> Mongod:
        mongod = Mongod(installation, folder, ports[0], password, options)
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
        *("--replSet", REPLICA_SET, "--oplogSize", "64"),
        *("--keyFile", _key_file(folder), "--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def _key_file(folder: Path) -> Path:
    path = folder / "key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(new_key(), encoding="ascii")
    return path


async def _become_primary(mongod: Mongod) -> None:
    async with _client(mongod) as client:
        if await _initiate(client, mongod):
            await mongod.child.until(lambda: is_primary(client), seconds=30)
            # MongoDB lets a connection from the same machine create the first user without signing in.
            roles = ["root"]
            await client.admin.command("createUser", _ADMINISTRATOR, pwd=mongod.password, roles=roles)
        else:
            await _take_new_address(mongod)
            await mongod.child.until(lambda: is_primary(client), seconds=30)


async def _initiate(client: Client, mongod: Mongod) -> bool:
    """Make the replica set, and return whether this call made it."""
    try:
        return await initiate(client, mongod.host)
    except OperationFailure as error:
        # A folder that was used before has users, and they forbid this to a stranger.
        if error.code != _UNAUTHORIZED:
            raise
        return False


async def _take_new_address(mongod: Mongod) -> None:
    """Write the port into the configuration: a member that is not in it takes no part in the replica set."""
    async with _client(mongod, f"{_ADMINISTRATOR}:{mongod.password}@") as client:
        present = (await client.admin.command("replSetGetConfig"))["config"]
        if present["members"][0]["host"] != mongod.host:
            changed = {**present, **configuration(mongod.host, present["version"] + 1)}
            await client.admin.command("replSetReconfig", changed, force=True)


def _client(mongod: Mongod, credentials: str = "") -> Client:
    address = f"mongodb://{credentials}{mongod.host}/"
    # Without polling, a client that is closed soon after its first answer leaves a half-open connection behind,
    # which the garbage collector warns of.
    return Client(address, directConnection=True, serverSelectionTimeoutMS=10_000, serverMonitoringMode="poll")
