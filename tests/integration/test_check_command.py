"""`check` on real servers: what a service missed is named, each event of it, and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aio_pika
import httpx2
import orjson
import pytest

from deploy.local.servers import Servers
from services.notification.rules.occasion import occasion_of
from services.notification.rules.past import occasions
from shared.clock import true_now
from shared.commands.assignment import Assignment
from shared.events.codec import decode
from shared.messaging.topology import dead_queue, events_queue
from shared.office.vocabulary import Role
from tests.support.all_services import AUDITOR, KINDS, AllServices, Check, Ended, all_services, check_of, opened
from tests.support.directory import KEYS
from tests.support.messaging import messages_in, wait_until


@pytest.fixture
async def services(servers: Servers) -> AsyncIterator[AllServices]:
    async with all_services(servers) as made:
        yield made


@pytest.fixture(scope="module")
async def quiet_services(servers: Servers) -> AsyncIterator[AllServices]:
    """One that several tests look at, none of which runs the other services."""
    async with all_services(servers) as made:
        yield made


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
    await wait_until(services.is_all_published, "the outboxes are empty")
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
    await wait_until(services.is_all_published, "the outboxes are empty")
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
