"""All four services in this process on one broker: assignment always, the others when told to; and their `check`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aio_pika
import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from services.deadline import app as deadline_app
from services.deadline import check as deadline_check
from services.deadline.settings import DeadlineSettings
from services.notification import app as notification_app
from services.notification import check as notification_check
from services.notification.settings import NotificationSettings
from services.reporting import app as reporting_app
from services.reporting import check as reporting_check
from services.reporting.settings import ReportingSettings
from shared.commands.check import check_command
from shared.commands.command import OperatorCommand
from shared.commands.command_line import run
from shared.messaging.topology import events_queue
from shared.mongo import Database, connect
from shared.settings import Mode, ServiceSettings
from tests.support.assignment import TaskService, running_tasks
from tests.support.directory import KEYS, PASSWORD
from tests.support.messaging import settled, wait_until
from tests.support.servers import Database as OwnDatabase
from tests.support.servers import Databases

AUDITOR: Final = "auditor"
KINDS: Final[Mapping[str, type[ServiceSettings]]] = {
    "deadline": DeadlineSettings,
    "notification": NotificationSettings,
    "reporting": ReportingSettings,
}
COMMANDS: Final[Mapping[str, OperatorCommand]] = {
    "deadline": check_command(DeadlineSettings, deadline_check.comparison),
    "notification": check_command(NotificationSettings, notification_check.comparison),
    "reporting": check_command(ReportingSettings, reporting_check.comparison),
}


@dataclass(frozen=True)
class Ended:
    code: int | str | None
    out: str
    err: str

    @property
    def found(self) -> set[tuple[str, str]]:
        """Kind and subject of every difference."""
        return {(line.split("\t")[0], line.split("\t")[1]) for line in self.out.splitlines()}


@dataclass(frozen=True)
class AllServices:
    """assignment at an address, and a database for each of the others, which run when told to."""

    assignment: TaskService
    url: str
    databases: Mapping[str, OwnDatabase]
    servers: Servers

    @property
    def amqp_url(self) -> str:
        return self.assignment.vhost.amqp_url

    def settings_of(self, service: str) -> dict[str, Any]:
        database = self.databases[service]
        where = {"mongodb_uri": database.uri, "mongodb_database": database.name, "amqp_url": self.amqp_url}
        return {"mode": Mode.LOCAL, "public_keys": KEYS.public_keys, "retry_delays": (0.2, 0.5), **where}

    def app_of(self, service: str) -> FastAPI:
        settings: Any = KINDS[service](**self.settings_of(service))
        match service:
            case "deadline":
                return deadline_app.build(settings, clock=self.assignment.clock)
            case "notification":
                return notification_app.build(settings, clock=self.assignment.clock)
            case _:
                return reporting_app.build(settings)

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[None]:
        """Run the three other services while inside, and let them take in all there is before the end."""
        async with AsyncExitStack() as running:
            for service in KINDS:
                app = self.app_of(service)
                await running.enter_async_context(app.router.lifespan_context(app))
                await wait_until(lambda app=app: _is_ready(app), f"{service} is ready")  # type: ignore[misc]
            yield
            await settled(self.servers, self.assignment.vhost, list(KINDS), outboxes=self.outboxes)

    @property
    def database_of_tasks(self) -> Any:
        return self.assignment.database["tasks"]

    @property
    def outboxes(self) -> list[Any]:
        return [self.assignment.database[name] for name in ("tasks", "agencies", "accounts")]

    async def lose_the_queues(self) -> None:
        """Delete the queues of events, as soon as all that was published is in them."""
        await wait_until(self.is_all_published, "the outboxes are empty")
        async with await aio_pika.connect(self.amqp_url) as connection:
            channel = await connection.channel()
            for service in KINDS:
                await channel.queue_delete(events_queue(service))

    async def is_all_published(self) -> bool:
        return not any([await box.find_one({"pending_since": {"$exists": True}}) for box in self.outboxes])


async def _is_ready(app: FastAPI) -> bool:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service") as http:
        return bool((await http.get("/health/ready")).json()["status"] == "ready")


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an app that runs already at an address of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve([listening]))
        await wait_until(lambda: server.started, "assignment is served")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@asynccontextmanager
async def all_services(servers: Servers) -> AsyncIterator[AllServices]:
    async with AsyncExitStack() as afterwards, running_tasks(servers) as assignment, served(assignment.app) as url:
        databases = Databases(servers, afterwards)
        yield AllServices(assignment, url, {service: await databases.create(service) for service in KINDS}, servers)


@asynccontextmanager
async def opened(services: AllServices, service: str) -> AsyncIterator[Database]:
    client = connect(services.databases[service].uri, "tests")
    yield client[services.databases[service].name]
    client.close()


Check = Callable[..., Awaitable[Ended]]


def check_of(
    services: AllServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> Check:
    """Return the command of a service, in this process, as an auditor unless said."""
    (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    auditor = ("--username", AUDITOR, "--password-file", str(folder / "password"))

    async def run_it(
        service: str, *more: str, url: str = services.url, proof: Sequence[str] = auditor, patience: float = 0
    ) -> Ended:
        for name, value in services.settings_of(service).items():
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            monkeypatch.setenv(f"{service}_{name}".upper(), text)
        line = ["check", "--assignment", url, *proof, "--patience", str(patience), *more]
        capsys.readouterr()
        with capture_logs():  # of assignment, which runs here too
            code = await asyncio.to_thread(_exit_code, service, line)
        return Ended(code, *capsys.readouterr())

    return run_it


def _exit_code(service: str, line: Sequence[str]) -> int | str | None:
    def build(_settings: Any) -> FastAPI:
        raise AssertionError("nothing is to be served")

    try:
        return run(KINDS[service], build, [COMMANDS[service]], line)
    except SystemExit as end:
        return end.code
