"""Lost races on a real server: another replica writes exactly between a bulk write and the query that asks who won."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import closing
from typing import Any, Final, cast

import httpx2
import pytest
from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from services.assignment.directory.lookups import Lookups
from services.assignment.directory.session_store import SessionStore
from services.assignment.directory.store import DirectoryStore
from services.assignment.tasks import handlers
from services.assignment.tasks.rules.work import Urge
from services.assignment.tasks.store.batches import BatchStore
from services.assignment.tasks.store.list_indexes import COLLECTION as TASKS
from services.assignment.tasks.store.tasks import TaskStore
from services.deadline.handlers import Observer
from services.deadline.monitor import Monitor
from services.deadline.store import WATCHES, WatchStore
from shared.mongo import Database, connect
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.vocabulary import Role, Stage
from shared.office.workdays import WorkCalendar
from tests.support.assignment import TaskService
from tests.support.clock import FakeClock
from tests.support.deadline_tasks import ASSIGNED_AT, CALENDAR, DUE_AT, a_task, always, event_of
from tests.support.interleaving import InterruptedCollection
from tests.support.servers import Database as OwnDatabase

LEADER: Final = Principal("leader", Role.LEADER)


class Replica:
    """Another replica of assignment on the same database, whose collection of tasks can be interrupted."""

    def __init__(self, service: TaskService) -> None:
        self.tasks = InterruptedCollection(service.database[TASKS])
        store = TaskStore(cast("Database", {TASKS: self.tasks}), cast("Any", self))
        counted_by = handlers.Office(service.clock, WorkCalendar(Policy()), Policy())
        lookups = Lookups(DirectoryStore(service.database), SessionStore(service.database))
        self._handlers = handlers.TaskHandlers(
            store, BatchStore(service.database, store, service.clock), lookups, counted_by
        )
        self.woken: list[str] = []

    def wake_many(self, _collection: str, task_ids: Sequence[str]) -> None:
        self.woken.extend(task_ids)

    async def urge(self, task_id: str) -> int:
        """Urge, and return the version that the act made."""
        return (await self._handlers.perform(LEADER, task_id, "urging", Urge("ours"), None, None)).version


async def urgings(service: TaskService, task_id: str) -> list[str]:
    return [entry["details"]["message"] for entry in await service.history(task_id) if entry["act"] == "urged"]


async def test_an_act_that_was_done_is_not_done_again_whatever_others_did_meanwhile(service: TaskService) -> None:
    """Of two acts in one bulk write one loses, so that it is asked who won; meanwhile others go on with the winner."""
    won, lost = [await service.assigned() for _ in range(2)]
    replica = Replica(service)

    async def others_act(task_id: str, number: int) -> None:
        for _ in range(number):
            await service.act(task_id, "urging", body={"message": "theirs"})

    replica.tasks.before = lambda: others_act(lost, 1)
    replica.tasks.between = lambda: others_act(won, 12)
    assert list(await asyncio.gather(replica.urge(won), replica.urge(lost))) == [2, 3]
    assert replica.tasks.looks == 1
    assert await urgings(service, won) == ["ours", *["theirs"] * 12]
    assert await urgings(service, lost) == ["theirs", "ours"]
    assert [entry["sequence"] for entry in await service.history(won)] == list(range(1, 15))
    assert replica.woken == [won, lost]


async def test_an_error_of_mongodb_leads_to_the_act_that_caused_it(service: TaskService) -> None:
    task = await service.assigned()
    await service.database[TASKS].update_one({"_id": task}, {"$set": {"history": "no list"}})
    with capture_logs([merge_contextvars, format_exc_info]) as logs:
        answer = await service.try_act(task, "urging")
    assert answer.status_code == httpx2.codes.INTERNAL_SERVER_ERROR
    [line] = [line for line in logs if line["event"] == "request_failed"]
    assert (line["act"], line["task_id"]) == ("urging", task)
    frames = ["in bulk_write", "pymongo.errors.BulkWriteError", "in perform", "in append", "pymongo.errors.WriteError"]
    places = [line["exception"].find(frame) for frame in frames]
    assert -1 not in places
    assert places == sorted(places)


async def test_what_is_logged_of_a_request_does_not_name_the_act_of_another(service: TaskService) -> None:
    task = await service.assigned()
    with capture_logs([merge_contextvars]) as logs:
        await service.act(task, "urging")
        await service.read(task)
    acting, reading = [line for line in logs if line["event"] == "request"]
    assert (acting["act"], acting["task_id"]) == ("urging", task)
    assert "act" not in reading


# Deadline


class Watching:
    """Two replicas of deadline on one database; the collection of the monitor's can be interrupted."""

    def __init__(self, database: Database) -> None:
        self.watches = InterruptedCollection(database[WATCHES])
        self.clock = FakeClock(ASSIGNED_AT)
        self.woken: list[str] = []
        self.other = WatchStore(database)
        self.observer = Observer(self.other, CALENDAR)
        self.store = WatchStore(cast("Database", {WATCHES: self.watches}))
        self.monitor = Monitor(self.store, self.clock, CALENDAR, self._wake, always, poll_interval=0.01, batch=100)

    def _wake(self, task_ids: Iterable[str]) -> None:
        self.woken.extend(task_ids)

    async def take_in(self, task_id: str, *versions: int, stage: Stage = Stage.IN_PROGRESS) -> None:
        for version in versions:
            await self.observer.take_in(event_of(a_task(task_id, version=version, stage=stage)))

    async def outbox(self, task_id: str) -> list[str]:
        record = await self.other.collection.find_one({"_id": task_id})
        return [event["type"] for event in record["outbox"]] if record else []


@pytest.fixture
async def watching(database: OwnDatabase) -> AsyncIterator[Watching]:
    with closing(connect(database.uri, "tests")) as client:
        yield Watching(client[database.name])


async def test_a_moment_that_was_claimed_is_known_as_claimed_while_other_replicas_write(watching: Watching) -> None:
    await watching.take_in("won", 1)
    await watching.take_in("lost", 1)
    watching.clock.moment = DUE_AT.replace(year=2027)
    watching.watches.before = lambda: watching.take_in("lost", 2, stage=Stage.RECALLED)
    watching.watches.between = lambda: watching.take_in("won", *range(2, 9))
    assert await watching.monitor.step()
    assert watching.watches.looks == 1
    assert watching.woken == ["won"]
    assert await watching.outbox("won") == ["deadline.missed.v1"]
    assert await watching.outbox("lost") == []


async def test_a_claim_that_is_taken_for_lost_is_still_announced_once(watching: Watching) -> None:
    """More writes of the same record than a record keeps ids: the relay's sweep, not the wake, will find the event."""
    await watching.take_in("won", 1)
    await watching.take_in("lost", 1)
    watching.clock.moment = DUE_AT.replace(year=2027)
    watching.watches.before = lambda: watching.take_in("lost", 2, stage=Stage.RECALLED)
    watching.watches.between = lambda: watching.take_in("won", *range(2, 12))
    assert await watching.monitor.step()
    assert watching.woken == []
    assert not await watching.monitor.step()
    assert await watching.outbox("won") == ["deadline.missed.v1"]
    assert await watching.other.collection.count_documents({"_id": "won", "pending_since": {"$exists": True}}) == 1


async def test_a_state_that_is_taken_for_lost_was_taken_in(watching: Watching) -> None:
    await watching.take_in("won", 1)
    await watching.take_in("lost", 1)
    ours = Observer(watching.store, CALENDAR)
    watching.watches.before = lambda: watching.take_in("lost", 3)
    watching.watches.between = lambda: watching.take_in("won", *range(3, 13))
    await asyncio.gather(*(ours.take_in(event_of(a_task(task_id, version=2))) for task_id in ("won", "lost")))
    assert watching.watches.looks == 1
    kept = {task_id: await watching.other.find(task_id) for task_id in ("won", "lost")}
    assert {task_id: found and found.record["sequence"] for task_id, found in kept.items()} == {"won": 12, "lost": 3}
