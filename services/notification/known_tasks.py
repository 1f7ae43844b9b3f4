"""The collection `tasks`: of each task, the latest version that has arrived, with what decides whether reminders hold.

A task of which nothing has arrived since this collection exists has no record. Its reminders are told, and it is
not counted among those that wait.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.notification.rules.truth import KnownTask
from shared.batched_writes import errors_by_index
from shared.batching import BatchedReads, Batcher
from shared.mongo import Index, ascending, seconds_of
from shared.office.vocabulary import ExplanationState, Stage

if TYPE_CHECKING:
    from shared.mongo import Collection, Database, Record

TASKS: Final = "tasks"
INDEXES: Final = (Index(TASKS, ascending("lead_agency", "stage")),)


class KnownTasks:
    """Keeps and finds what is known of tasks; what is asked at the same moment goes to MongoDB together."""

    def __init__(self, database: Database) -> None:
        self._tasks: Collection = database[TASKS]
        self._writes: Batcher[KnownTask, None] = Batcher(
            self._write, name="known_tasks.writes", takes=seconds_of(self._tasks)
        )
        self._reads: BatchedReads[str, Mapping[str, Record]] = BatchedReads(self._found, name="known_tasks.reads")

    async def keep(self, task: KnownTask) -> None:
        """Store a version of a task, unless a later one is stored already."""
        try:
            await self._writes.submit(task)
        except DuplicateKeyError:
            # Another replica has just inserted the first version of it. Now it is an update.
            await self._writes.submit(task)

    async def find(self, task_id: str) -> KnownTask | None:
        record = (await self._reads.get([task_id])).get(task_id)
        return _known(record) if record else None

    async def count_waiting(self, agency: str) -> int:
        """Return how many tasks the agency leads and has not received yet; the index alone answers."""
        return await self._tasks.count_documents({"lead_agency": agency, "stage": Stage.ASSIGNED})

    async def _write(self, batch: Sequence[KnownTask]) -> Sequence[Exception | None]:
        try:
            await self._tasks.bulk_write([_keep(task) for task in batch], ordered=False)
        except BulkWriteError as error:
            errors = errors_by_index(error, len(batch))
            return [errors.get(index) for index in range(len(batch))]
        return [None] * len(batch)

    async def _found(self, task_ids: Some[str]) -> Mapping[str, Record]:
        records = await self._tasks.find({"_id": {"$in": [*task_ids]}}).to_list(None)
        return {record["_id"]: record for record in records}


def _keep(task: KnownTask) -> UpdateOne:
    """Return the write that replaces an earlier version, and leaves a later one as it is."""
    record = _record(task)
    is_later = {"$gt": [task.sequence, {"$ifNull": ["$sequence", 0]}]}
    return UpdateOne(
        {"_id": task.id}, [{"$replaceWith": {"$cond": [is_later, {"$literal": record}, "$$ROOT"]}}], upsert=True
    )


def _record(task: KnownTask) -> dict[str, Any]:
    plain = asdict(task)
    return {"_id": plain.pop("id"), **plain}


def _known(record: Record) -> KnownTask:
    plain = {name: value for name, value in record.items() if name != "_id"}
    plain["stage"], plain["explanation"] = Stage(plain["stage"]), ExplanationState(plain["explanation"])
    return KnownTask(id=record["_id"], **plain)
