"""The collection `batches`: one write of its record commits a batch; its tasks are made from the record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter
from pymongo.errors import DuplicateKeyError

from services.assignment.tasks.rules.batch import Batch, Item
from services.assignment.tasks.rules.state import HistoryEntry
from shared.clock import true_now
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from services.assignment.tasks.store.tasks import TaskStore
    from shared.mongo import Database, Record

COLLECTION: Final = "batches"
INDEXES: Final = [Index(COLLECTION, ascending("open_since"), partial={"open_since": {"$exists": True}})]
_CHUNK: Final = 50
"""Making the records of a chunk blocks the event loop for some five milliseconds."""
_SWEEP_SECONDS: Final = 5.0
_LEFT_BEHIND: Final = timedelta(seconds=10)
_BATCH: Final = TypeAdapter(Batch)
_ENTRY: Final = TypeAdapter(HistoryEntry)
_ITEM: Final = TypeAdapter(Item)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it was committed, and the fingerprint of its request; `is_open` if tasks may be missing."""

    batch: Batch
    fingerprint: str | None
    is_open: bool


class BatchStore:
    """`open_since` (true time) marks a batch of which tasks may still be missing."""

    def __init__(self, database: Database, tasks: TaskStore) -> None:
        self._batches = database[COLLECTION]
        self._tasks = tasks

    async def load(self, batch_id: str) -> StoredBatch | None:
        record = await self._batches.find_one({"_id": batch_id})
        return to_stored_batch(record) if record else None

    async def insert_if_absent(self, batch: Batch, fingerprint: str | None) -> bool:
        """Commit a batch; False when its id is taken."""
        record = await asyncio.to_thread(_to_record, batch)
        try:
            await self._batches.insert_one({**record, "fingerprint": fingerprint, "open_since": true_now()})
        except DuplicateKeyError:
            return False
        return True

    async def finish(self, batch: Batch) -> None:
        """Insert the tasks of a batch that are missing, and close it. A repeat changes nothing."""
        tasks = batch.tasks()
        while chunk := list(islice(tasks, _CHUNK)):
            await self._tasks.insert_absent(chunk)
        await self._batches.update_one({"_id": batch.id}, {"$unset": {"open_since": True}})

    async def sweep(self) -> None:
        """Finish, again and again, the batches that crashes left open."""
        while True:
            if not await self.finish_left_behind():
                await asyncio.sleep(_SWEEP_SECONDS)

    async def finish_left_behind(self) -> bool:
        """Finish one batch that a crash left open; tell whether there was one."""
        record = await self._batches.find_one(left_behind(), sort=[("open_since", 1)])
        if record is None:
            return False
        await self.finish(to_stored_batch(record).batch)
        return True


def _to_record(batch: Batch) -> Record:
    """Convert the items one by one: a single conversion would hold the interpreter's lock too long."""
    items = [_ITEM.dump_python(item) for item in batch.items]
    return {"_id": batch.id, "first": _ENTRY.dump_python(batch.first), "items": items}


def left_behind() -> Record:
    return {"open_since": {"$lte": true_now() - _LEFT_BEHIND}}


def to_stored_batch(record: Record) -> StoredBatch:
    batch = _BATCH.validate_python({**record, "id": record["_id"]})
    return StoredBatch(batch, record["fingerprint"], "open_since" in record)
