"""A RabbitMQ broker of our own, with its management API, on the loopback."""

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

# Counts of quorum queues are renewed at each tick; the barrier of the tests waits for that, by default 5 s.
TICK_SECONDS = 0.1
_ADVANCED = f"[{{rabbit, [{{quorum_tick_interval, {int(TICK_SECONDS * 1000)}}}]}}].\n"

_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
# Schedulers that wait busily take the processor from everyone else on a small machine.
_QUIET_SCHEDULERS = "+sbwt none +sbwtdcpu none +sbwtdio none"


@dataclass(frozen=True)
class RabbitMQ:
    """A running broker, its port mapper, and its administrator's password."""

    broker: Child
    epmd: Child
    amqp_port: int
    management_port: int
    password: str

    @property
    def uri(self) -> str:
        return self.administrator_uri()

    @property
    def management_uri(self) -> str:
        return f"http://{_ADMINISTRATOR}:{self.password}@127.0.0.1:{self.management_port}"

    def administrator_uri(self, vhost: str = "") -> str:
        """Return the administrator's address of a vhost; without a name that of the default one."""
        return self.uri_of(_ADMINISTRATOR, self.password, vhost)

    def uri_of(self, username: str, password: str, vhost: str) -> str:
        return f"amqp://{username}:{password}@127.0.0.1:{self.amqp_port}/{vhost}"

    async def stop(self, *, keep_data: bool) -> None:
        """Stop the broker, then its port mapper; where nothing is to be kept, without its long good-byes."""
        await (self.broker.stop() if keep_data else self.broker.kill())
        await self.epmd.stop()


@asynccontextmanager
async def running_rabbitmq(
    installation: Installation, folder: Path, password: str, *, keep_data: bool
) -> AsyncIterator[RabbitMQ]:
    """Run a broker with its data in `folder`, which must stay where it is: queues keep absolute paths."""
    rabbitmq = await on_free_ports(4, lambda ports: _start(installation, folder, ports, password))
    try:
        yield rabbitmq
    finally:
        await rabbitmq.stop(keep_data=keep_data)


async def _start(installation: Installation, folder: Path, ports: Sequence[int], password: str) -> RabbitMQ:
    amqp, management, distribution, epmd_port = ports
    _write_configuration(folder, amqp, management, password)
    environment = {**installation.rabbitmq_environment, **_environment(folder, distribution, epmd_port)}
    epmd = await start_epmd(installation, epmd_port, folder / "epmd.log")
    program = installation.rabbitmq_bin / "rabbitmq-server"
    broker = await Child.start("RabbitMQ", [program], folder / "rabbitmq.log", environment)
    rabbitmq = RabbitMQ(broker, epmd, amqp, management, password)
    try:
        await broker.until(lambda: _is_ready(rabbitmq), seconds=120)
    except BaseException:
        await rabbitmq.stop(keep_data=False)
        raise
    return rabbitmq


def _write_configuration(folder: Path, amqp: int, management: int, password: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "rabbitmq.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        _CONFIGURATION.format(amqp=amqp, management=management, username=_ADMINISTRATOR, password=password),
        encoding="utf-8",
    )
    (folder / "advanced.config").write_text(_ADVANCED, encoding="utf-8")
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")


def _environment(folder: Path, distribution: int, epmd_port: int) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": "dondoc@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_LOOPBACK_ONLY} {_QUIET_SCHEDULERS}",
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # The script then becomes the broker, instead of a shell in front of it that hides how the broker ended.
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
