"""`check` of assignment itself: every task is what its history makes of it, and nothing waits for too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from services.assignment.app import build
from services.assignment.check import CHECK
from services.assignment.settings import AssignmentSettings
from shared.clock import true_now
from shared.commands.command_line import run
from shared.messaging import outbox
from tests.support.assignment import TaskService, running_tasks
from tests.support.directory import KEYS
from tests.support.messaging import agency_event

LIFE = ("receipt", "delegation", "progress", "extension", "extension/decision", "urging", "report", "report/decision")

Check = Callable[[], Awaitable[tuple[int, list[str]]]]


@pytest.fixture
async def service(servers: Servers) -> AsyncIterator[TaskService]:
    async with running_tasks(servers) as running:
        yield running


@pytest.fixture
def check(
    service: TaskService, servers: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """The command, in this process: its code, and the differences line by line."""
    settings = {
        "MODE": "local",
        "PUBLIC_KEYS": KEYS.public_keys,
        "SIGNING_KEY": KEYS.signing_key,
        "AMQP_URL": service.vhost.amqp_url,
        "MONGODB_URI": servers.mongodb_uri,
        "MONGODB_DATABASE": service.database.name,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"ASSIGNMENT_{name}", value)

    async def run_it() -> tuple[int, list[str]]:
        capsys.readouterr()
        with capture_logs():  # of assignment, which runs here too
            code = await asyncio.to_thread(run, AssignmentSettings, build, [CHECK], ["check"])
        return code, sorted(capsys.readouterr().out.splitlines())

    return run_it


async def test_assignment_is_checked_against_itself(service: TaskService, check: Check) -> None:
    lived, cut, altered, misread = [await service.assigned(title=f"Nhiệm vụ {number}") for number in range(4)]
    await service.acts(lived, *LIFE)
    await service.acts(cut, "receipt", "delegation")
    items = [{"title": "Chung", "lead_agencies": ["lead", "stranger"], "deadline": "2026-10-16"}]
    batch = await service.post("/v1/task-batches", {"document": {"number": "1/CT"}, "items": items})
    _, second = (task["id"] for task in batch.json()["items"])
    (batch_id,) = {(await service.stored_task(second))["batch"]}
    assert await check() == (0, [])

    tasks = service.database["tasks"]
    await tasks.update_one({"_id": cut}, {"$pull": {"history": {"sequence": 2}}})
    await tasks.update_one({"_id": altered}, {"$set": {"urgings": 3, "waiting": []}})
    await tasks.update_one({"_id": misread}, {"$set": {"history.0.details.due_kind": "never"}})
    await tasks.delete_one({"_id": second})
    waiting = {"_id": "muon", **outbox.fields([agency_event(1).model_copy(update={"type": "nobody.asked.v1"})])}
    await service.database["agencies"].insert_one({**waiting, "pending_since": true_now() - timedelta(minutes=2)})
    code, found = await check()
    assert code == 1
    *others, outbox_line = sorted(found, key=lambda line: line.startswith("waiting"))
    assert others == sorted(
        [
            f"broken-history\t{cut}\tversion 3, but the entries are numbered 1, 3",
            f"broken-history\t{misread}\tthe history cannot be replayed: ValueError",
            f"differs\t{altered}\tversion 1: not as replayed: urgings, waiting",
            f"unfinished-batch\t{batch_id}\t1 of its tasks are not there: {second}",
        ]
    )
    assert outbox_line.startswith("waiting-outbox\tassignment.agencies\t1 documents, the oldest for 12")
