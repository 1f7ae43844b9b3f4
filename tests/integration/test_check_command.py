"""`check` on real servers: what a service missed is named, each event of it, and nothing else."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aio_pika
import httpx2
import orjson
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
from services.notification.rules.occasion import occasion_of
from services.notification.rules.past import occasions
from services.notification.settings import NotificationSettings
from services.reporting import app as reporting_app
from services.reporting import check as reporting_check
from services.reporting.settings import ReportingSettings
from shared.clock import true_now
from shared.commands.assignment import Assignment
from shared.commands.check import check_command
from shared.commands.command import OperatorCommand
from shared.commands.command_line import run
from shared.events.codec import decode
from shared.messaging.topology import dead_queue, events_queue
from shared.mongo import Database, connect
from shared.office.vocabulary import Role
from shared.settings import Mode, ServiceSettings
from tests.support.assignment import TaskService, running_tasks
from tests.support.directory import KEYS, PASSWORD
from tests.support.messaging import messages_in, settled, wait_until
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
    def outboxes(self) -> list[Any]:
        return [self.assignment.database[name] for name in ("tasks", "agencies", "accounts")]

    async def lose_the_queues(self) -> None:
        """Delete the queues of events, as soon as all that was published is in them."""
        await wait_until(self._is_all_published, "the outboxes are empty")
        async with await aio_pika.connect(self.amqp_url) as connection:
            channel = await connection.channel()
            for service in KINDS:
                await channel.queue_delete(events_queue(service))

    async def _is_all_published(self) -> bool:
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


@pytest.fixture
async def services(servers: Servers) -> AsyncIterator[AllServices]:
    async with all_services(servers) as made:
        yield made


@pytest.fixture(scope="module")
async def quiet_services(servers: Servers) -> AsyncIterator[AllServices]:
    """One that several tests look at, none of which runs the other services."""
    async with all_services(servers) as made:
        yield made


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


@pytest.fixture
def check(
    services: AllServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Check:
    return check_of(services, monkeypatch, capsys, tmp_path)


@pytest.fixture
def check_quietly(
    quiet_services: AllServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Check:
    return check_of(quiet_services, monkeypatch, capsys, tmp_path)


def _exit_code(service: str, line: Sequence[str]) -> int | str | None:
    def build(_settings: Any) -> FastAPI:
        raise AssertionError("nothing is to be served")

    try:
        return run(KINDS[service], build, [COMMANDS[service]], line)
    except SystemExit as end:
        return end.code


def missed(*events: str) -> set[tuple[str, str]]:
    return {("missed-event", event) for event in events}


async def test_a_queue_deleted_with_messages_in_it_leads_to_events_that_are_named(
    services: AllServices, check: Check
) -> None:
    assignment = services.assignment
    async with services.consuming():
        untouched, behind, healed = [await assignment.assigned(title=f"Nhiệm vụ {number}") for number in range(3)]
        await assignment.acts(behind, "receipt", "delegation")
    for service in KINDS:
        assert await check(service) == Ended(0, "", "differences: 0, tasks: 3\n")

    await assignment.acts(behind, "progress", "extension")
    await assignment.act(healed, "receipt", by="lead-clerk")
    lost = await assignment.assigned(title="Nhiệm vụ không ai biết")
    agency = {"code": "moi", "name": "Cơ quan mới", "kind": "department"}
    assert (await assignment.post("/v1/agencies", agency, "administrator")).is_success
    await services.lose_the_queues()
    async with services.consuming():
        await assignment.act(healed, "delegation")
        later = await assignment.assigned(title="Nhiệm vụ sau đó")

    the_deadlines = await check("deadline")
    assert the_deadlines.code == 1
    assert the_deadlines.found == missed(f"{behind}:4", f"{behind}:5", f"{lost}:1")
    the_rows = await check("reporting")
    assert the_rows.found == missed(f"{behind}:4", f"{behind}:5", f"{healed}:2", f"{lost}:1", "agency:moi:1")
    assert f"missed-event\t{behind}:4\ttask.progressed.v1: no row of it\n" in the_rows.out
    assert "differences: 5, tasks: 5\n" in the_rows.err
    # Nobody is told of progress, so that nothing shows whether it was missed.
    the_inbox = await check("notification")
    assert the_inbox.found == missed(f"{behind}:5", f"{healed}:2", f"{lost}:1", "agency:moi:1")
    assert f"{behind}:5\ttask.extension_requested.v1: not told to leader\n" in the_inbox.out
    assert (
        f"{lost}:1\ttask.assigned.v1: not told to coordinating-head, lead-clerk, lead-head, monitor-" in the_inbox.out
    )
    assert untouched not in the_inbox.out + the_rows.out + the_deadlines.out
    assert later not in the_inbox.out + the_rows.out + the_deadlines.out

    objects = [orjson.loads(line) for line in (await check("deadline", "--json")).out.splitlines()]
    assert {(one["kind"], one["subject"]) for one in objects} == the_deadlines.found
    assert all(one["advice"] and one["dead_letter"] is False for one in objects)


async def test_a_missed_event_among_the_dead_letters_is_pointed_out(services: AllServices, check: Check) -> None:
    task = await services.assignment.assigned()
    await wait_until(services._is_all_published, "the outboxes are empty")
    (message,) = await messages_in(services.amqp_url, events_queue("deadline"))
    async with await aio_pika.connect(services.amqp_url) as connection:
        copy = aio_pika.Message(message.body, message_id=message.message_id)
        await (await connection.channel()).default_exchange.publish(copy, dead_queue("deadline"))
    ended = await check("deadline")
    assert ended.out == f"missed-event\t{task}:1\ttask.assigned.v1: not watched (among the dead letters)\n"
    assert len(await messages_in(services.amqp_url, dead_queue("deadline"))) == 1
    waiting = await check("reporting")
    assert f"missed-event\t{task}:1\ttask.assigned.v1: no row of it\n" in waiting.out
    assert re.search(
        r"^messages that still wait for reporting: \d+; check again when they are handled$", waiting.err, re.MULTILINE
    )


async def test_tasks_that_change_while_it_runs_are_no_difference(services: AllServices, check: Check) -> None:
    assignment, done = services.assignment, asyncio.Event()

    async def work() -> None:
        while not done.is_set():
            await assignment.acts(await assignment.assigned(), "receipt", "delegation", "progress", "urging", "report")

    async with services.consuming():
        working = asyncio.create_task(work())
        found = [await check(service, patience=10) for service in KINDS]
        done.set()
        await working
    assert [(ended.code, ended.out) for ended in found] == [(0, "")] * 3


async def test_what_was_changed_by_hand_is_named_with_its_fields(services: AllServices, check: Check) -> None:
    async with services.consuming():
        task, other = await services.assignment.assigned(), await services.assignment.assigned()
    async with opened(services, "deadline") as watches:
        changed = {"$set": {"task.due_at": true_now(), "task.officer": "ai-do"}}
        await watches["watches"].update_one({"_id": task}, changed)
    async with opened(services, "reporting") as rows:
        await rows["versions"].update_one({"_id": f"{task}:1"}, {"$set": {"urgings": 7}})
        await rows["versions"].insert_one({"_id": "ma:1", "task": "ma", "sequence": 1})
        await rows["names"].update_one({"_id": "agency:lead"}, {"$set": {"name": "Tên khác"}})
    async with opened(services, "notification") as kept:
        await kept["inbox"].delete_one({"username": "lead-head", "task_id": other})
        await kept["people"].update_one({"_id": "officer"}, {"$set": {"disabled": True}})
    assert (await check("deadline")).out == f"differs\t{task}\tversion 1: officer, due_at\n"
    assert (await check("reporting")).out.splitlines() == [
        "differs\tagency:lead\tversion 1: name",
        f"differs\t{task}\tversion 1: urgings",
        "unknown-task\tma\tcounted, but not at assignment",
    ]
    assert (await check("notification")).out.splitlines() == [
        "differs\taccount:officer\tversion 1: disabled",
        f"not-told\t{other}:1\ttask.assigned.v1: others were told, but not lead-head",
    ]


async def test_what_cannot_be_asked_is_said_in_one_line(check_quietly: Check, tmp_path: Path) -> None:
    token = tmp_path / "token"
    nobody = await check_quietly("deadline", url="http://127.0.0.1:1")
    assert nobody == Ended(69, "", "assignment does not answer at http://127.0.0.1:1\n")
    blind = await check_quietly("deadline", "--username", "lead-head")
    assert blind == Ended(69, "", "the account must see every task, as an auditor's does\n")
    stranger = await check_quietly("deadline", "--username", "khong-co")
    assert stranger == Ended(69, "", "assignment does not let khong-co in: HTTP 401\n")
    unproven = await check_quietly("deadline", proof=["--token-file", str(token)])
    assert unproven == Ended(69, "", f"no token can be read from {token}\n")


async def test_a_token_is_read_from_its_file(check_quietly: Check, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(KEYS.token_for(AUDITOR, Role.AUDITOR) + "\n", encoding="ascii")
    assert (await check_quietly("deadline", proof=["--token-file", str(tmp_path / "token")])).code == 0


async def test_a_history_tells_of_the_same_occasions_as_the_events_did(services: AllServices) -> None:
    assignment = services.assignment
    task = await assignment.assigned()
    await assignment.acts(
        task, "correction", "receipt", "delegation", "contribution", "extension", "extension/decision"
    )
    await assignment.act(
        task, "correction", body={"reason": "Đổi", "coordinating_agencies": ["stranger"], "monitor": None}
    )
    await assignment.act(task, "reassignment")
    await assignment.act(task, "receipt", by="stranger-head")
    await assignment.act(task, "urging")
    await assignment.act(task, "reassignment", body={"lead_agency": "lead", "reason": "Chuyển lại"})
    await assignment.act(task, "refusal")
    await assignment.act(task, "reassignment", body={"lead_agency": "monitor", "reason": "Đúng chức năng"})
    await assignment.act(task, "recall")
    await wait_until(services._is_all_published, "the outboxes are empty")
    messages = await messages_in(services.amqp_url, events_queue("notification"))
    events = [event for message in messages if (event := decode(message.body)).subject == task]
    client = Assignment(assignment.http, Tokens())
    told = [occasion for _, occasion in occasions(task, await client.history(task))]
    assert told == [occasion_of(event) for event in sorted(events, key=lambda event: int(event.sequence))]
    assert len(told) == 15


class Tokens:
    """Credentials whose tokens end after each few requests."""

    def __init__(self) -> None:
        self.given = 0

    async def token(self, _http: httpx2.AsyncClient) -> str:
        self.given += 1
        ended = timedelta(minutes=11) if self.given % 2 else timedelta()
        return KEYS.token_for(AUDITOR, Role.AUDITOR, issued_at=true_now() - ended)


async def test_it_lasts_longer_than_a_token(quiet_services: AllServices) -> None:
    credentials = Tokens()
    client = Assignment(quiet_services.assignment.http, credentials)
    assert [page async for page in client.task_ids()] == [[]]
    assert credentials.given == 2


@asynccontextmanager
async def opened(services: AllServices, service: str) -> AsyncIterator[Database]:
    client = connect(services.databases[service].uri, "tests")
    yield client[services.databases[service].name]
    client.close()
