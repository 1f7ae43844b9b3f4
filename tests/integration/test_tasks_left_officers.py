"""An officer who leaves: the open tasks that were handed to them are taken back, and nothing may be left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from services.assignment.check import compare_task
from services.assignment.directory.lookups import Lookups
from services.assignment.directory.session_store import SessionStore
from services.assignment.directory.store import DirectoryStore
from services.assignment.tasks.handlers import DirectoryLookup, FoundAccount, Office, TaskHandlers
from services.assignment.tasks.left_officers import LeftOfficers
from services.assignment.tasks.rules.context import KnownAccount
from services.assignment.tasks.rules.work import Delegate
from services.assignment.tasks.store import BatchStore, TaskStore
from shared.messaging.publisher import Publisher
from shared.messaging.relay import Relay
from shared.office.access import Principal
from shared.office.codes import Codes
from shared.office.policy import Policy
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar
from tests.support.assignment import TaskService, code_of
from tests.support.messaging import wait_until

REFUSED = {
    "agency": (404, "not-found"),
    "disabled": (401, "not-authenticated"),
    "role": (200, ""),  # a clerk sees what the agency leads
}
"""What the officer is answered at once, before the task is taken back."""
HEAD = Principal("lead-head", Role.HEAD, "lead")


async def handed_to(service: TaskService, officer: str, *acts: str) -> str:
    """Assign a task, and have it delegated to an officer."""
    task = await service.assigned()
    await service.act(task, "receipt")
    await service.act(task, "delegation", body={"officer": officer, "instruction": "Làm"})
    await service.acts(task, *acts)
    return task


async def until_taken_back(service: TaskService, task: str) -> dict[str, Any]:
    async def is_taken() -> bool:
        return (await service.read(task))["officer"] is None

    await wait_until(is_taken, "the task is taken back")
    return await service.read(task)


@pytest.mark.parametrize(
    "change",
    [{"agency": "stranger"}, {"role": "clerk"}, {"disabled": True}],
    ids=["leaves", "another role", "disabled"],
)
async def test_who_leaves_loses_the_open_tasks_and_nothing_else_changes(
    service: TaskService, change: dict[str, Any]
) -> None:
    name = f"leaver-{next(iter(change))}"
    await service.add_officer(name)
    task, reported, done = [await handed_to(service, name) for _ in range(3)]
    await service.act(task, "progress", name, {"percent": 40})
    await service.act(reported, "report")
    await service.acts(done, "report", "report/decision")
    before = await service.read(task)
    service.clock.advance(minutes=1)
    await service.change_account(name, **change)
    assert code_of(await service.get(f"/v1/tasks/{task}", name)) == REFUSED[next(iter(change))]
    after = await until_taken_back(service, task)
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"officer", "version", "updated_at"}
    last = (await service.history(task))[-1]
    assert (last["act"], last["by"], last["role"], last["details"]) == (
        "officer_left",
        "system",
        None,
        {"officer": name},
    )
    await until_taken_back(service, reported)
    assert (await service.read(done))["officer"] == name, "a closed task is history"
    for each in (task, reported, done):
        assert list(compare_task(await service.stored_task(each))) == []
    await service.act(task, "delegation")


async def test_what_a_crash_left_behind_is_found(service: TaskService) -> None:
    """The account was changed, and the process was killed before its tasks were taken back."""
    await service.add_officer("crashed")
    task = await handed_to(service, "crashed")
    await service.database["accounts"].update_one({"_id": "crashed"}, {"$set": {"agency": "stranger"}})
    assert code_of(await service.get(f"/v1/tasks/{task}", "crashed")) == (404, "not-found"), "lost from sight at once"
    assert code_of(await service.try_act(task, "progress", "crashed")) == (404, "not-found")
    assert (await service.get("/v1/tasks", "crashed")).json()["items"] == []
    await parts_of(service).left.sweep()
    assert (await service.read(task))["officer"] is None


@dataclass
class SlowLookup:
    """A look-up that ends long after it has read."""

    lookups: Lookups
    has_read: asyncio.Event
    may_go_on: asyncio.Event

    async def codes(self, codes: Any) -> Codes:
        return await self.lookups.codes(codes)

    async def agencies_of_kind(self, kind: Any) -> tuple[str, ...]:
        return await self.lookups.agencies_of_kind(kind)

    async def usable_accounts(self, usernames: Any) -> Mapping[str, KnownAccount]:
        return await self.lookups.usable_accounts(usernames)

    async def accounts(self, usernames: Any) -> Mapping[str, FoundAccount]:
        found = await self.lookups.accounts(usernames)
        self.has_read.set()
        await self.may_go_on.wait()
        return found


@dataclass
class Parts:
    handlers: TaskHandlers
    left: LeftOfficers


def parts_of(service: TaskService, lookup: DirectoryLookup | None = None) -> Parts:
    """Return another replica's handlers and sweep; `lookup` is what its handlers ask of the directory."""
    database = service.database
    lookups = Lookups(DirectoryStore(database), SessionStore(database))
    # What this replica writes is published by the one that runs.
    store = TaskStore(database, Relay("assignment", Publisher("amqp://nowhere", (), name="none"), []))
    policy = Policy()
    office = Office(service.clock, WorkCalendar(policy), policy)
    batches = BatchStore(database, store, service.clock)
    sweeping = TaskHandlers(store, batches, lookups, office)
    return Parts(TaskHandlers(store, batches, lookup or lookups, office), LeftOfficers(store, lookups, sweeping))


async def test_a_delegation_written_just_after_the_officer_left_does_not_stay(service: TaskService) -> None:
    """The delegation read the account before it changed, and was written after all tasks had been taken back."""
    await service.add_officer("racer")
    task = await service.assigned()
    await service.act(task, "receipt")
    slow = SlowLookup(
        Lookups(DirectoryStore(service.database), SessionStore(service.database)), asyncio.Event(), asyncio.Event()
    )
    parts = parts_of(service, slow)
    delegation = asyncio.create_task(
        parts.handlers.perform(HEAD, task, "delegation", Delegate("racer", "Làm"), None, None)
    )
    await slow.has_read.wait()
    await service.change_account("racer", agency="stranger")
    await parts.left.sweep()
    slow.may_go_on.set()
    assert (await delegation).officer == "racer"
    await parts.left.sweep()
    assert (await service.read(task))["officer"] is None


async def test_two_replicas_take_a_task_back_once(service: TaskService) -> None:
    await service.add_officer("twice")
    task = await handed_to(service, "twice")
    await service.database["accounts"].update_one({"_id": "twice"}, {"$set": {"disabled": True}})
    await asyncio.gather(*(parts_of(service).left.sweep() for _ in range(3)))
    assert [entry["act"] for entry in await service.history(task)].count("officer_left") == 1


async def test_an_officer_who_is_back_keeps_the_task(service: TaskService) -> None:
    await service.add_officer("back")
    task = await handed_to(service, "back")
    assert not await parts_of(service).handlers.take_back(task, "back")
    assert not await parts_of(service).handlers.take_back(task, "nobody")
    assert (await service.read(task))["officer"] == "back"
