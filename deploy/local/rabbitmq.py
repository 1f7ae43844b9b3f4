"""The RabbitMQ broker of a local stack, with its management API, on the loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from deploy.local.child import Child
from deploy.local.epmd import start_epmd
from deploy.local.installation import Installation
from deploy.local.ports import accepts_connections, on_free_ports

_ADMINISTRATOR = "dondoc-admin"

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
default_user = {username}
default_pass = {password}
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 200MB
"""

# The broker updates the counts of quorum queues at each tick, by default every 5 s. The barrier waits for ticks.
TICK_SECONDS = 0.1
# After a start, a queue looks empty until the broker counts it for the first time, which takes about half a second.
_FIRST_COUNT_SECONDS = 2.0
_ADVANCED = f"[{{rabbit, [{{quorum_tick_interval, {int(TICK_SECONDS * 1000)}}}]}}].\n"

_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
# On a small machine, busy waiting in the schedulers takes processor time from all other programs.
_QUIET_SCHEDULERS = "+sbwt none +sbwtdcpu none +sbwtdio none"


@dataclass(frozen=True)
class _Ports:
    amqp: int
    management: int
    distribution: int
    epmd: int


class RabbitMQ:
    """A broker that can be stopped and started again, with the same ports, data folder and administrator's password.

    Its port mapper keeps running while the broker is down.
    """

    broker: Child
    """The process that was started last."""
    epmd: Child

    def __init__(self, installation: Installation, folder: Path, ports: Sequence[int], password: str) -> None:
        self._installation = installation
        self._folder = folder
        self._ports = _Ports(*ports)
        self._counts_from = 0.0
        self.password = password

    @property
    def amqp_port(self) -> int:
        return self._ports.amqp

    @property
    def management_uri(self) -> str:
        return f"http://{_ADMINISTRATOR}:{self.password}@127.0.0.1:{self._ports.management}"

    def administrator_uri(self, vhost: str = "") -> str:
        """Return the administrator's address of a vhost; without a name, of the default one."""
        return self.uri_of(_ADMINISTRATOR, self.password, vhost)

    def uri_of(self, username: str, password: str, vhost: str) -> str:
        return f"amqp://{username}:{password}@127.0.0.1:{self.amqp_port}/{vhost}"

    async def start(self) -> None:
        """Start the broker with the data it had before, and wait until it accepts messages."""
        environment = {**self._installation.rabbitmq_environment, **_environment(self._folder, self._ports)}
        program = self._installation.rabbitmq_bin / "rabbitmq-server"
        self.broker = await Child.start("RabbitMQ", [program], self._folder / "rabbitmq.log", environment)
        try:
            await self.broker.until(lambda: _is_ready(self), seconds=120)
        except BaseException:
            await self.kill()
            raise
        self._counts_from = asyncio.get_running_loop().time() + _FIRST_COUNT_SECONDS

    async def until_it_counts(self) -> None:
        """Wait after a start until the broker has counted its queues for the first time."""
        await asyncio.sleep(self._counts_from - asyncio.get_running_loop().time())

    async def stop(self) -> None:
        """Ask the broker to end, and wait until it has ended."""
        await self.broker.stop()

    async def kill(self) -> None:
        """Kill the broker, as a power cut would."""
        await self.broker.kill()

    async def begin(self) -> None:
        """Start the port mapper, and then the broker for the first time."""
        _write_configuration(self._folder, self._ports, self.password)
        self.epmd = await start_epmd(self._installation, self._ports.epmd, self._folder / "epmd.log")
        try:
            await self.start()
        except BaseException:
            await self.epmd.stop()
            raise

    async def end(self, *, keep_data: bool) -> None:
        """Stop the broker and then its port mapper. If no data is kept, kill the broker, because that is quicker."""
        await (self.stop() if keep_data else self.kill())
        await self.epmd.stop()


@asynccontextmanager
async def running_rabbitmq(
    installation: Installation, folder: Path, password: str, *, keep_data: bool
) -> AsyncIterator[RabbitMQ]:
    """Run a broker with its data in `folder`. The folder must not be moved: queues store absolute paths."""

    async def begin(ports: Sequence[int]) -> RabbitMQ:
        rabbitmq = RabbitMQ(installation, folder, ports, password)
        await rabbitmq.begin()
        return rabbitmq

    rabbitmq = await on_free_ports(4, begin)
    try:
        yield rabbitmq
    finally:
        await rabbitmq.end(keep_data=keep_data)


def _write_configuration(folder: Path, ports: _Ports, password: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "rabbitmq.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        _CONFIGURATION.format(amqp=ports.amqp, management=ports.management, username=_ADMINISTRATOR, password=password),
        encoding="utf-8",
    )
    (folder / "advanced.config").write_text(_ADVANCED, encoding="utf-8")
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")


def _environment(folder: Path, ports: _Ports) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": "dondoc@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_LOOPBACK_ONLY} {_QUIET_SCHEDULERS}",
        "ERL_EPMD_PORT": str(ports.epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # With this the start script replaces itself by the broker. Otherwise a shell would stay in front of it and hide
        # how the broker ended.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


async def _is_ready(rabbitmq: RabbitMQ) -> bool:
    if not await accepts_connections(rabbitmq.amqp_port):
        return False
    async with httpx2.AsyncClient(base_url=rabbitmq.management_uri, trust_env=False) as client:
        try:
            return (await client.get("/api/vhosts")).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False
