"""The tasks as acts need them: one at a time by its id, and the writes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from services.assignment.tasks.rules.state import SYSTEM, HistoryEntry, Task
from services.assignment.tasks.rules.task import evolve
from services.assignment.tasks.store.list_indexes import A_TEXT, COLLECTION, CONDITIONS, NEWEST, Subset, index
from services.assignment.tasks.store.records import (
    WITHOUT_LOGS,
    RequestKey,
    brought_up,
    event_of,
    from_entry,
    is_current,
    state_of,
    to_task,
)
from shared.batched_writes import BatchedWrites, Update, duplicate_of, new_write_id
from shared.batching import BatchedReads
from shared.messaging import outbox
from shared.mongo import Index, ascending
from shared.office.refusal import Code, Refusal

if TYPE_CHECKING:
    from shared.messaging.relay import Relay
    from shared.mongo import Database, Record

_DUPLICATE_KEY: Final = 11000
INDEXES: Final = [Index(COLLECTION, ascending("replaces"), unique=True, partial={"replaces": A_TEXT})]
_HANDED: Final = index("officer", NEWEST, Subset.OPEN)
"""The index of the open tasks that are handed to somebody."""
_TOO_LARGE: Final = frozenset({10334, 17419, 17420})
"""The codes by which MongoDB refuses a record of more than 16 MB."""


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
        [record] = await self._brought_up([record])
        return LoadedTask(to_task(record), known[0]["fingerprint"] if known else None)

    async def _records(self, task_ids: Collection[str]) -> Mapping[str, Record]:
        found = await self._tasks.find({"_id": {"$in": list(task_ids)}}, WITHOUT_LOGS).to_list()
        return {record["_id"]: record for record in await self._brought_up(found)}

    async def _brought_up(self, records: list[Record]) -> list[Record]:
        """Replay the histories of tasks that an earlier version wrote; their next act keeps what that makes."""
        older = [record["_id"] for record in records if not is_current(record)]
        if not older:
            return records
        found = self._tasks.find({"_id": {"$in": older}}, {"history": 1})
        history = {each["_id"]: each["history"] async for each in found}
        return [brought_up(one, history[one["_id"]]) if one["_id"] in history else one for one in records]

    async def handed(self) -> list[tuple[str, str]]:
        """Return the officers to whom open tasks are handed, each with the lead agency of the tasks."""
        pairs = {"_id": {"officer": "$officer", "lead": "$lead_agency"}}
        stages = [{"$match": {"officer": A_TEXT, **CONDITIONS[Subset.OPEN]}}, {"$group": pairs}]
        found = self._tasks.aggregate(stages, hint=_HANDED.full_name)
        return [(each["_id"]["officer"], each["_id"]["lead"]) async for each in found]

    async def handed_to(self, officer: str, lead: str) -> list[str]:
        """Return the ids of the open tasks of a lead agency that are handed to an officer."""
        query = {"officer": officer, "lead_agency": lead, **CONDITIONS[Subset.OPEN]}
        found = await self._tasks.find(query, {"_id": 1}, hint=_HANDED.full_name).to_list()
        return [record["_id"] for record in found]

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
        update = Update(task.id, {"version": task.version}, change, write_id)
        return after if await self._written(update) else None

    async def _written(self, update: Update) -> bool:
        """Write an update and tell whether it matched.

        What a task takes fits into its record. Only the events of a long outage of the broker may fill it for a while.
        """
        try:
            return await self._writes.update(update)
        except WriteError as error:
            if error.code in _TOO_LARGE:
                raise Refusal(Code.UNAVAILABLE) from error
            raise

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
