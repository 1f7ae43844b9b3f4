"""`resend`: what `check` names as missed is sent again, exactly as it was, and nobody is told twice."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import aio_pika
import pytest
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from services.assignment.resend import RESEND
from services.assignment.settings import AssignmentSettings
from shared.commands.command_line import run
from shared.events.codec import decode
from shared.messaging.topology import dead_queue, events_queue
from tests.support.all_services import KINDS, AllServices, Check, Ended, all_services, check_of, opened
from tests.support.directory import KEYS, PASSWORD
from tests.support.messaging import messages_in, wait_until

LIFE: Final = ("receipt", "delegation", "progress", "extension", "extension/decision", "report", "report/decision")
NOTHING: Final = 0

Resend = Callable[..., Awaitable[Ended]]


@pytest.fixture
async def services(servers: Servers) -> AsyncIterator[AllServices]:
    async with all_services(servers) as made:
        yield made


@pytest.fixture
def check(
    services: AllServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Check:
    return check_of(services, monkeypatch, capsys, tmp_path)


@pytest.fixture
def resend(
    services: AllServices, servers: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Resend:
    """The command, in this process."""
    settings = {
        "MODE": "local",
        "PUBLIC_KEYS": KEYS.public_keys,
        "SIGNING_KEY": KEYS.signing_key,
        "AMQP_URL": services.amqp_url,
        "MONGODB_URI": servers.mongodb_uri,
        "MONGODB_DATABASE": services.assignment.database.name,
    }

    async def run_it(*arguments: str, **changed: str) -> Ended:
        for name, value in {**settings, **changed}.items():
            monkeypatch.setenv(f"ASSIGNMENT_{name}", value)
        capsys.readouterr()
        with capture_logs():  # of assignment, which runs here too
            code = await asyncio.to_thread(_exit_code, ["resend", *arguments])
        return Ended(code, *capsys.readouterr())

    return run_it


def _exit_code(line: list[str]) -> int | str | None:
    def build(_settings: Any) -> Any:
        raise AssertionError("nothing is to be served")

    try:
        return run(AssignmentSettings, build, [RESEND], line)
    except SystemExit as end:
        return end.code


def calls_of(ended: Ended) -> list[list[str]]:
    """The arguments of the calls of `resend` that `check` has named."""
    start = "to mend: python -m services.assignment resend "
    return [line.removeprefix(start).split() for line in ended.err.splitlines() if line.startswith(start)]


async def bodies_in(services: AllServices) -> Mapping[str, list[bytes]]:
    """The bodies that wait for reporting, by subject, in the order of their arrival."""
    await wait_until(services.is_all_published, "the outboxes are empty")
    bodies: defaultdict[str, list[bytes]] = defaultdict(list)
    for message in await messages_in(services.amqp_url, events_queue("reporting")):
        bodies[decode(message.body).subject].append(message.body)
    return bodies


async def test_an_event_that_is_sent_again_is_the_same_to_the_byte(services: AllServices, resend: Resend) -> None:
    assignment = services.assignment
    task = await assignment.assigned(deadline="2026-10-09")
    await assignment.acts(task, "receipt", "delegation", "progress")
    assignment.clock.set("2026-10-12T09:00:00")  # a miss is recorded with the next act
    await assignment.acts(task, "report", "explanation")
    await assignment.post("/v1/agencies", {"code": "moi", "name": "Mới", "kind": "department"}, "administrator")
    first = await bodies_in(services)
    assert len(first[task]) == 7
    assert len(first["moi"]) == 1

    assignment.clock.set("2027-01-05T09:00:00")
    assert (await resend("--task", task, "--rate", "1000")).out == "events put into the outboxes once more: 7\n"
    await resend("--directory", "--rate", "1000")
    assert await bodies_in(services) == first


async def test_only_what_was_recorded_since_a_moment_is_sent_again(services: AllServices, resend: Resend) -> None:
    assignment = services.assignment
    old, lived = await assignment.assigned(), await assignment.assigned()
    assignment.clock.set("2026-10-06T09:00:00")
    await assignment.acts(lived, "receipt", "delegation")
    assert (await resend("--since", "2026-10-06T08:00:00+07:00")).out.endswith(": 2\n")
    bodies = await bodies_in(services)
    assert [decode(body).sequence for body in bodies[lived]] == ["1", "2", "3", "2", "3"]
    assert len(bodies[old]) == 1


async def test_what_deleted_queues_and_dropped_dead_letters_took_along_is_mended(
    services: AllServices, check: Check, resend: Resend, servers: Servers
) -> None:
    assignment, tasks = services.assignment, list[str]()

    async def work() -> None:
        for _ in range(8):
            tasks.append(await assignment.assigned())
            await assignment.acts(tasks[-1], *LIFE)

    async with services.consuming():
        working = asyncio.create_task(work())
        await wait_until(lambda: len(tasks) > 2, "tasks are being assigned")
        for service in KINDS:
            path = f"/api/queues/{assignment.vhost.name}/{events_queue(service)}"
            (await servers.management.delete(path)).raise_for_status()
        await working
    await assignment.post("/v1/agencies", {"code": "moi", "name": "Mới", "kind": "department"}, "administrator")
    lost = await assignment.assigned()
    await services.lose_the_queues()
    dead = await assignment.assigned()
    await wait_until(services.is_all_published, "the outboxes are empty")
    for service in KINDS:
        await die_and_are_dropped(services, service, check)
    await mended(services, check, resend, KINDS, {f"{lost}:1", f"{dead}:1", "agency:moi:1"})


async def die_and_are_dropped(services: AllServices, service: str, check: Check) -> None:
    """Make dead letters of all that waits for a service, see that `check` points them out, and remove them."""
    messages = await messages_in(services.amqp_url, events_queue(service))
    async with await aio_pika.connect(services.amqp_url) as connection:
        exchange = (await connection.channel()).default_exchange
        for message in messages:
            copy = aio_pika.Message(message.body, message_id=message.message_id)
            await exchange.publish(copy, dead_queue(service))
    assert "(among the dead letters)" in (await check(service)).out
    assert len(await messages_in(services.amqp_url, dead_queue(service))) == len(messages)


async def test_older_databases_are_mended(services: AllServices, check: Check, resend: Resend) -> None:
    assignment = services.assignment
    async with services.consuming():
        before = await assignment.assigned()
        await assignment.act(before, "receipt")
    backups = {service: await everything_in(services, service) for service in KINDS}
    async with services.consuming():
        after = await assignment.assigned()
        await assignment.acts(before, *LIFE[1:])
        renamed = {"name": "Tên mới"}
        await assignment.http.patch("/v1/agencies/lead", json=renamed, headers=assignment.as_("administrator"))
    for service in KINDS:
        await put_back(services, service, backups[service])
    await mended(services, check, resend, KINDS, {f"{before}:8", f"{after}:1", "agency:lead:2"})


async def test_who_took_a_post_later_is_not_told_what_was_before(services: AllServices, resend: Resend) -> None:
    """A new head finds in one entry how many tasks wait, and no row of old news; the others are not told twice."""
    assignment = services.assignment
    async with services.consuming():
        lived, _ = await assignment.assigned(), await assignment.assigned()
        await assignment.acts(lived, *LIFE)
    assignment.clock.advance(hours=1)
    new = {"username": "new-head", "display_name": "Mới", "role": "head", "agency": "lead", "password": PASSWORD}
    async with services.consuming():
        assert (await assignment.post("/v1/accounts", new, "administrator")).is_success
    told = await entries(services)
    assignment.clock.advance(hours=1)
    await resend("--all", "--rate", "1000")
    async with services.consuming():
        pass
    assert await entries(services) == told
    async with opened(services, "notification") as kept:
        found = [entry async for entry in kept["inbox"].find({"username": "new-head"})]
    assert [(entry["kind"], entry["task_id"]) for entry in found] == [("tasks_waiting", None)]


async def mended(services: AllServices, check: Check, resend: Resend, of: Iterable[str], at_least: set[str]) -> None:
    """Let `check` name what is missing, send it again, and see that nothing is missing and nobody was told twice."""
    told = await entries(services)
    named: set[str] = set()
    for service in of:
        ended = await check(service)
        named |= {subject for _, subject in ended.found}
        for call in calls_of(ended):
            assert (await resend(*call, "--rate", "1000")).code == NOTHING
    assert at_least <= named
    async with services.consuming():
        pass
    for service in KINDS:
        assert (await check(service)).out == ""
    assert told.items() <= (await entries(services)).items()
    assert await said_twice(services) == []


async def entries(services: AllServices) -> dict[str, Any]:
    async with opened(services, "notification") as kept:
        return {entry["_id"]: entry["at"] async for entry in kept["inbox"].find()}


async def said_twice(services: AllServices) -> list[Any]:
    """What stands twice in somebody's inbox: the same text of the same task and moment."""
    async with opened(services, "notification") as kept:
        said = Counter(
            [
                (entry["username"], entry["task_id"], entry["kind"], entry["at"], entry["text"]["vi"])
                async for entry in kept["inbox"].find()
            ]
        )
    return [what for what, times in said.items() if times > 1]


async def everything_in(services: AllServices, service: str) -> dict[str, list[dict[str, Any]]]:
    async with opened(services, service) as kept:
        return {name: await kept[name].find().to_list(None) for name in await kept.list_collection_names()}


async def put_back(services: AllServices, service: str, backup: dict[str, list[dict[str, Any]]]) -> None:
    async with opened(services, service) as kept:
        for name in await kept.list_collection_names():
            await kept[name].delete_many({})
        for name, records in backup.items():
            if records:
                await kept[name].insert_many(records)


async def test_what_cannot_be_sent_again_is_named(services: AllServices, resend: Resend) -> None:
    task, broken = await services.assignment.assigned(), await services.assignment.assigned()
    await services.database_of_tasks.update_one({"_id": broken}, {"$set": {"history.0.details.due_kind": "never"}})
    ended = await resend("--task", task, broken, "khong-co")
    assert ended.code == 1
    assert ended.out == "events put into the outboxes once more: 1\n"
    assert ended.err.splitlines() == [
        f"not sent again: {broken}: its history cannot be replayed (ValueError)",
        "no task khong-co",
    ]
    away = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"
    assert (await resend("--all", MONGODB_URI=away)).code == 69


@pytest.mark.parametrize(
    "line",
    [
        (),
        ("--all", "--directory"),
        ("--since", "2026-10-06"),
        ("--since", "hôm qua"),
        ("--task",),
        ("--all", "--rate", "0"),
        ("--all", "--rate", "-5"),
    ],
)
async def test_a_wrong_line_is_refused(line: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(["resend", *line]) == 2
    assert "resend" in capsys.readouterr().err
