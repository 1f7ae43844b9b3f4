"""The tasks as acts need them: one at a time by its id, and the writes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.assignment.tasks.rules.state import SYSTEM, HistoryEntry, Task
from services.assignment.tasks.rules.task import evolve
from services.assignment.tasks.store.list_indexes import A_TEXT, COLLECTION
from services.assignment.tasks.store.records import (
    WITHOUT_LOGS,
    RequestKey,
    event_of,
    from_entry,
    state_of,
    to_task,
)
from shared.batched_writes import BatchedWrites, Update, duplicate_of, new_write_id
from shared.batching import BatchedReads
from shared.messaging import outbox
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from shared.messaging.relay import Relay
    from shared.mongo import Database, Record

_DUPLICATE_KEY: Final = 11000
INDEXES: Final = [Index(COLLECTION, ascending("replaces"), unique=True, partial={"replaces": A_TEXT})]


class AlreadyReplacedError(Exception):
    """Another task replaces the recalled one already."""


@dataclass(frozen=True, slots=True)
class LoadedTask:
    """A task, and the fingerprint of an earlier request by the same account under the same key, if there was one."""

    task: Task
    fingerprint: str | None = None


class TaskStore:
    """Writes are atomic: one update changes the task, extends its history and fills its outbox."""

    def __init__(self, database: Database, relay: Relay) -> None:
        self._tasks = database[COLLECTION]
        self._relay = relay
        self._loads: BatchedReads[str, Mapping[str, Record]] = BatchedReads(self._records, name="tasks.reads")
        self._writes = BatchedWrites(
            self._tasks, write_ids="history.write", written=lambda keys: relay.wake_many(COLLECTION, keys)
        )

    async def drain(self) -> None:
        """Wait until the writes under way are done."""
        await self._writes.drain()

    async def load(self, task_id: str, key: str | None = None, account: str | None = None) -> LoadedTask | None:
        """Return a task; with a key, look also for the entry that this account made under it."""
        if key is None:
            record = (await self._loads.get([task_id])).get(task_id)
            return LoadedTask(to_task(record)) if record else None
        under_key: Record = {**WITHOUT_LOGS, "history": {"$elemMatch": {"key": key, "by": account}}}
        record = await self._tasks.find_one({"_id": task_id}, under_key)
        if record is None:
            return None
        known = record.pop("history", None)
        return LoadedTask(to_task(record), known[0]["fingerprint"] if known else None)

    async def _records(self, task_ids: Collection[str]) -> Mapping[str, Record]:
        found = await self._tasks.find({"_id": {"$in": list(task_ids)}}, WITHOUT_LOGS).to_list()
        return {record["_id"]: record for record in found}

    async def insert_if_absent(self, task: Task, entry: HistoryEntry, request_key: RequestKey | None) -> bool:
        """Insert a new task; False when its id is taken.

        Raises:
            AlreadyReplacedError: another task replaces the same recalled one.

        """
        try:
            await self._writes.insert(new_record(task, entry, request_key))
        except DuplicateKeyError as error:
            if duplicate_of(error) == ["replaces"]:
                raise AlreadyReplacedError from error
            return False
        return True

    async def insert_absent(self, tasks: Sequence[tuple[Task, HistoryEntry]]) -> None:
        """Insert the tasks of a batch that are missing."""
        records = await asyncio.to_thread(_new_records, tasks)
        try:
            await self._tasks.insert_many(records, ordered=False)
        except BulkWriteError as error:
            doubtful = error.details.get("writeConcernErrors")
            if doubtful or any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):
                raise
        self._relay.wake_many(COLLECTION, [task.id for task, _ in tasks])

    async def append(
        self, task: Task, entries: Sequence[HistoryEntry], request_key: RequestKey | None = None
    ) -> Task | None:
        """Write one or more entries if the task still has the version they were decided on; else return None.

        Every entry keeps the id of the write that made it. Entries are never removed, so the proof that this write
        was done stays, whatever other writers do next.
        """
        write_id, events, after = new_write_id(), [], task
        for entry in entries:
            after = evolve(after, entry)
            events.append(event_of(after, entry))
        history = [
            {**from_entry(entry, request_key if entry.by != SYSTEM else None), "write": write_id} for entry in entries
        ]
        change = outbox.push(events, {"$set": state_of(after), "$push": {"history": {"$each": history}}})
        done = await self._writes.update(Update(task.id, {"version": task.version}, change, write_id))
        return after if done else None

    async def replaced_by(self, task_id: str) -> str | None:
        """Return the task that replaces a recalled one."""
        record = await self._tasks.find_one({"replaces": task_id}, {"_id": 1})
        return record["_id"] if record else None


def _new_records(tasks: Sequence[tuple[Task, HistoryEntry]]) -> list[Record]:
    return [new_record(task, entry, None) for task, entry in tasks]


def new_record(task: Task, entry: HistoryEntry, request_key: RequestKey | None) -> Record:
    return {
        "_id": task.id,
        **state_of(task),
        "history": [from_entry(entry, request_key)],
        **outbox.fields([event_of(task, entry)]),
    }
