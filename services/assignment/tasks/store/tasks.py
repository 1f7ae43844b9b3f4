"""The collection `tasks`: every query, index and write of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.assignment.tasks.rules.state import SYSTEM, HistoryEntry, Task
from services.assignment.tasks.rules.task import evolve
from services.assignment.tasks.store.records import (
    RequestKey,
    event_of,
    from_entry,
    left_out_of_briefs,
    state_of,
    to_entry,
    to_task,
)
from shared.batched_writes import BatchedWrites, Update, duplicate_of, new_write_id
from shared.batching import BatchedReads
from shared.messaging import outbox
from shared.mongo import Index, ascending
from shared.office.access import sight_filter

if TYPE_CHECKING:
    from services.assignment.tasks.store.queries import Sort
    from shared.messaging.relay import Relay
    from shared.mongo import Database, Record
    from shared.office.access import Principal
    from shared.web.pages import Position

COLLECTION: Final = "tasks"
_WITHOUT_LOGS: Final[Record] = {"history": 0, "outbox": 0}
_BRIEF: Final[Record] = {**_WITHOUT_LOGS, **dict.fromkeys(left_out_of_briefs(), 0)}
_ORDERS: Final[dict[Sort, tuple[str, int]]] = {
    "-assigned_at": ("assigned_at", DESCENDING),
    "due_at": ("due_order", ASCENDING),
}
_A_TEXT: Final[Record] = {"$gt": ""}
"""Matches any text. MongoDB does not use a partial index on `$type` for a query that asks for one text."""
_DUPLICATE_KEY: Final = 11000


def _listed_by(field: str, *, partial: Record | None = None) -> list[Index]:
    """Return the indexes of a list narrowed by a field, one for each order."""
    return [
        Index(COLLECTION, [(field, ASCENDING), order, ("_id", order[1])], partial=partial) for order in _ORDERS.values()
    ]


INDEXES: Final = [
    *(Index(COLLECTION, [order, ("_id", order[1])]) for order in _ORDERS.values()),
    *_listed_by("agencies"),
    *_listed_by("officer", partial={"officer": _A_TEXT}),
    *_listed_by("waiting"),
    *_listed_by("assigner"),
    Index(COLLECTION, ascending("document.number", "assigned_at")),
    Index(COLLECTION, ascending("updated_at")),
    Index(COLLECTION, ascending("replaces"), unique=True, partial={"replaces": _A_TEXT}),
]


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
        self._loads: BatchedReads[str, Mapping[str, Record]] = BatchedReads(self._records)
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
        under_key: Record = {"outbox": 0, "history": {"$elemMatch": {"key": key, "by": account}}}
        record = await self._tasks.find_one({"_id": task_id}, under_key)
        if record is None:
            return None
        known = record.pop("history", None)
        return LoadedTask(to_task(record), known[0]["fingerprint"] if known else None)

    async def _records(self, task_ids: Collection[str]) -> Mapping[str, Record]:
        found = await self._tasks.find({"_id": {"$in": list(task_ids)}}, _WITHOUT_LOGS).to_list()
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

    async def replacements(self, task_ids: Iterable[str]) -> dict[str, str]:
        """Return which task replaces each of the recalled ones, by the id of the recalled one."""
        found = self._tasks.find({"replaces": {"$in": list(task_ids)}}, {"replaces": 1})
        return {record["replaces"]: record["_id"] async for record in found}

    async def history(self, task_id: str, after: int, limit: int) -> list[HistoryEntry]:
        """Return the entries of a task after a version, oldest first."""
        pipeline: list[Record] = [
            {"$match": {"_id": task_id}},
            {
                "$project": {
                    "history": {
                        "$slice": [
                            {"$filter": {"input": "$history", "cond": {"$gt": ["$$this.sequence", after]}}},
                            limit,
                        ]
                    }
                }
            },
        ]
        async for record in self._tasks.aggregate(pipeline):
            return [to_entry(entry) for entry in record["history"]]
        return []

    async def listed(
        self, principal: Principal, conditions: Sequence[Record], sort: Sort, after: Position | None, limit: int
    ) -> list[Record]:
        """Return up to `limit` briefs of tasks within the caller's sight, in the requested order."""
        query = self.list_query(principal, conditions, sort, after)
        order, direction = _ORDERS[sort]
        found = self._tasks.find(query, _BRIEF).sort([(order, direction), ("_id", direction)]).limit(limit)
        return await found.to_list(limit)

    @staticmethod
    def list_query(principal: Principal, conditions: Sequence[Record], sort: Sort, after: Position | None) -> Record:
        everything = [sight_filter(principal), *conditions, *([_beyond(sort, after)] if after else [])]
        narrowing = [condition for condition in everything if condition]
        return {"$and": narrowing} if narrowing else {}


def order_field(sort: Sort) -> str:
    """Return the field that a list of this order is sorted by."""
    return _ORDERS[sort][0]


def _new_records(tasks: Sequence[tuple[Task, HistoryEntry]]) -> list[Record]:
    return [new_record(task, entry, None) for task, entry in tasks]


def new_record(task: Task, entry: HistoryEntry, request_key: RequestKey | None) -> Record:
    return {
        "_id": task.id,
        **state_of(task),
        "history": [from_entry(entry, request_key)],
        **outbox.fields([event_of(task, entry)]),
    }


def _beyond(sort: Sort, after: Position) -> dict[str, Any]:
    """Return the condition for what comes after a position; the id makes the order total."""
    order, direction = _ORDERS[sort]
    past = "$lt" if direction == DESCENDING else "$gt"
    return {"$or": [{order: {past: after.value}}, {order: after.value, "_id": {past: after.id}}]}
