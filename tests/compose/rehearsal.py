"""The containers as a stack that the story of all services can be played on: the clock is in the test's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from pymongo import AsyncMongoClient

from deploy.local.credentials import Credentials
from deploy.local.installation import Installation
from deploy.local.mongod import Mongod
from deploy.local.rabbitmq import TICK_SECONDS, RabbitMQ
from deploy.local.servers import Servers
from deploy.local.services import ServiceProcesses
from deploy.services import SERVICES
from tests.compose.engine import Project

INSIDE: Final = ("mongodb", "amqp", "management")
"""What the rehearsal publishes of the servers."""
_NOWHERE: Final = Installation(Path(), Path(), None)
_VHOST: Final = "dondoc"
_ADMINISTRATOR: Final = "dondoc-admin"


@dataclass(frozen=True)
class Rehearsal(Project):
    """A project whose clock, and the ports of whose servers, are the test's."""

    @property
    def folder(self) -> Path:
        return self.secrets.parent / "rehearsal"

    @property
    def environment(self) -> dict[str, str]:
        ports = {f"REHEARSAL_{part.upper()}_PORT": str(self.ports[part]) for part in INSIDE}
        return {**super().environment, "REHEARSAL_FOLDER": str(self.folder), **ports}

    def prepare(self) -> None:
        """Make the folder that all containers see, with counts of queues as fresh as the barrier takes them to be."""
        self.folder.mkdir(mode=0o755)
        ticks = f"[{{rabbit, [{{quorum_tick_interval, {int(TICK_SECONDS * 1000)}}}]}}].\n"
        (self.folder / "rabbitmq.config").write_text(ticks, encoding="ascii")


@asynccontextmanager
async def stack_of(rehearsal: Rehearsal) -> AsyncIterator[ServiceProcesses]:
    """Give the containers as the stack that tests know; its services are started and stopped by the engine alone."""
    credentials = Credentials.new()
    async with _servers_of(rehearsal, credentials.password_of("rabbitmq")) as servers:
        stack = ServiceProcesses(
            run_dir=rehearsal.folder,
            servers=servers,
            credentials=credentials,
            vhost=_VHOST,
            amqp_url=servers.rabbitmq.administrator_uri(_VHOST),
            databases={service: service for service in SERVICES},
            database_uris={},
            ports={service: rehearsal.ports[service] for service in SERVICES},
            settings={},
            broker_ports={},
        )
        creating = ("create-administrator", "--username", stack.administrator.username)
        password = stack.administrator.password
        await rehearsal.do(
            "run", "--rm", "-T", "assignment", "python", "-m", "services.assignment", *creating, told=f"{password}\n"
        )
        yield stack


@asynccontextmanager
async def _servers_of(rehearsal: Rehearsal, password: str) -> AsyncIterator[Servers]:
    """Let the test look into both servers as their administrator."""
    await _add_administrator(rehearsal, password)
    ports: Mapping[str, int] = rehearsal.ports
    root = (rehearsal.secrets / "mongodb_password").read_text(encoding="utf-8")
    mongod = Mongod(_NOWHERE, Path(), ports["mongodb"], root)
    rabbitmq = RabbitMQ(_NOWHERE, Path(), [ports["amqp"], ports["management"], 0, 0], password)
    address = f"mongodb://{_ADMINISTRATOR}:{root}@127.0.0.1:{ports['mongodb']}/?authSource=admin"
    async with (
        AsyncMongoClient[dict[str, Any]](address, directConnection=True, serverMonitoringMode="poll") as administration,
        httpx2.AsyncClient(base_url=rabbitmq.management_uri, trust_env=False) as management,
    ):
        yield Servers(mongod, rabbitmq, administration, management)


async def _add_administrator(rehearsal: Rehearsal, password: str) -> None:
    for command in (
        ("add_user", _ADMINISTRATOR, password),
        ("set_user_tags", _ADMINISTRATOR, "administrator"),
        ("set_permissions", "--vhost", _VHOST, _ADMINISTRATOR, ".*", ".*", ".*"),
    ):
        await rehearsal.do("exec", "-T", "rabbitmq", "rabbitmqctl", "--quiet", *command)
