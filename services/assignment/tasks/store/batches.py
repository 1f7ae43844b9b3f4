"""The collection `batches`: one write of its record commits a batch; its tasks are made from the record."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat
from typing import TYPE_CHECKING, Final

import orjson
import structlog
from pydantic import TypeAdapter
from pymongo.errors import DuplicateKeyError

from services.assignment.tasks.metrics import BATCHES_PUT_BACK
from services.assignment.tasks.rules.batch import Batch, Item
from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.state import HistoryEntry
from services.assignment.tasks.store.records import searched_words
from shared.clock import true_now
from shared.mongo import Index, ascending, is_away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from services.assignment.tasks.rules.state import Task
    from services.assignment.tasks.store.tasks import TaskStore
    from shared.clock import Clock
    from shared.mongo import Database, Record

COLLECTION: Final = "batches"
INDEXES: Final = [Index(COLLECTION, ascending("open_since"), partial={"open_since": {"$exists": True}})]
_CHUNK: Final = 200
_CHUNK_BYTES: Final = 2_000_000
"""How many tasks are in hand at once, and how many bytes they write. Each chunk waits for the disk once."""
_COPIES: Final = 4
"""How often a task keeps its details: as its state, in the history entry, and in both again in the event."""
_FIXED_BYTES: Final = 2_900
"""What a task writes besides its details: names of fields, keys, moments, ids, the envelope of the event."""
_SWEEP_SECONDS: Final = 5.0
_LEFT_BEHIND: Final = timedelta(seconds=10)
PUT_BACK_FOR: Final = timedelta(hours=1)
_SIZES_KEPT: Final = 10_000
_LEADS: Final = {"$map": {"input": "$items", "in": {"$size": "$$this.lead_agencies"}}}
_SIZE: Final[Record] = {"$project": {"size": {"$sum": _LEADS}}}
_log = structlog.get_logger(__name__)
_ENTRY: Final = TypeAdapter(HistoryEntry)
_ITEM: Final = TypeAdapter(Item)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it was committed, and the fingerprint of its request; `is_open` if tasks may be missing."""

    batch: Batch
    fingerprint: str | None
    is_open: bool


class BatchStore:
    """`open_since` (true time) marks a batch of which tasks may still be missing.

    The sweep leaves a batch that has failed alone until its `retry_at` (true time).
    """

    def __init__(self, database: Database, tasks: TaskStore, clock: Clock) -> None:
        self._batches = database[COLLECTION]
        self._tasks = tasks
        self._clock = clock
        self._sizes: OrderedDict[str, int] = OrderedDict()

    async def load(self, batch_id: str) -> StoredBatch | None:
        record = await self._batches.find_one({"_id": batch_id})
        return await asyncio.to_thread(to_stored_batch, record) if record else None

    async def size_of(self, batch_id: str) -> int | None:
        """Return how many tasks a batch has. It never changes, so the sizes of the batches last read are kept."""
        if batch_id not in self._sizes:
            found = await self._batches.aggregate([{"$match": {"_id": batch_id}}, _SIZE]).to_list()
            if not found:
                return None
            self._sizes[batch_id] = found[0]["size"]
            if len(self._sizes) > _SIZES_KEPT:
                self._sizes.popitem(last=False)
        return self._sizes[batch_id]

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
        chunks = _chunks(batch, self._clock.now)
        while chunk := await asyncio.to_thread(next, chunks, None):
            await self._tasks.insert_absent(chunk)
        await self._batches.update_one({"_id": batch.id}, {"$unset": {"open_since": True, "retry_at": True}})

    async def sweep(self) -> None:
        """Finish, again and again, the batches that crashes left open."""
        while True:
            if not await self.finish_left_behind():
                await asyncio.sleep(_SWEEP_SECONDS)

    async def finish_left_behind(self) -> bool:
        """Finish one batch that a crash left open; tell whether there was one.

        One that cannot be finished is put back for an hour, so that it does not stop the younger ones.
        """
        record = await self._batches.find_one(left_behind(), sort=[("open_since", 1)])
        if record is None:
            return False
        try:
            await self.finish((await asyncio.to_thread(to_stored_batch, record)).batch)
        except Exception as error:
            if is_away(error):
                raise
            await self._put_back(record["_id"])
        return True

    async def _put_back(self, batch_id: str) -> None:
        """Leave a batch alone for an hour; called while the exception that it raised is handled."""
        _log.exception("batch_put_back", batch_id=batch_id)
        BATCHES_PUT_BACK.inc()
        await self._batches.update_one({"_id": batch_id}, {"$set": {"retry_at": true_now() + PUT_BACK_FOR}})


def bytes_written(batch: Batch) -> int:
    """Return about how many bytes a batch will write: its own record, and the record of each of its tasks.

    It is a little more than what is really written, because a line break counts as two bytes everywhere.
    """
    leads = sum(len(orjson.dumps(item.lead_agencies)) for item in batch.items)
    own = sum(len(orjson.dumps(item.details)) for item in batch.items) + leads
    return own + sum(_task_sizes(batch))


def _task_sizes(batch: Batch) -> Iterator[int]:
    """Yield about how many bytes each task writes, in order."""
    shared = len(orjson.dumps(batch.first.details))
    document = Document.of(batch.first.details["document"])
    for item in batch.items:
        agencies = item.details["coordinating_agencies"]
        # A list of agencies is kept once more, for queries. MongoDB adds seven bytes to each item of a list.
        listed = len(orjson.dumps(agencies)) + 3 * 7 * len(agencies)
        words = searched_words(item.details["title"], item.details["product"], document)
        size = _COPIES * (shared + len(orjson.dumps(item.details))) + listed + _size_of(words) + _FIXED_BYTES
        yield from repeat(size, len(item.lead_agencies))


def _size_of(words: Iterable[str]) -> int:
    """Return about how many bytes a list of words takes: MongoDB adds up to ten to each."""
    return sum(len(word.encode()) + 10 for word in words)


def _chunks(batch: Batch, now: Callable[[], datetime]) -> Iterator[list[tuple[Task, HistoryEntry]]]:
    """Yield the tasks in chunks that are bounded by number and by bytes; a chunk has at least one task.

    Each is made when it is asked for, and written at once.
    """
    chunk: list[tuple[Task, HistoryEntry]] = []
    written = 0
    for task, size in zip(batch.tasks(now), _task_sizes(batch), strict=True):
        if chunk and (len(chunk) == _CHUNK or written + size > _CHUNK_BYTES):
            yield chunk
            chunk, written = [], 0
        chunk.append(task)
        written += size
    yield chunk


def _to_record(batch: Batch) -> Record:
    """Convert the items one by one: a single conversion would hold the interpreter's lock too long."""
    items = [_ITEM.dump_python(item) for item in batch.items]
    return {"_id": batch.id, "first": _ENTRY.dump_python(batch.first), "items": items}


def left_behind() -> Record:
    now = true_now()
    return {"open_since": {"$lte": now - _LEFT_BEHIND}, "retry_at": {"$not": {"$gt": now}}}


def to_stored_batch(record: Record) -> StoredBatch:
    """Read a batch, its items one by one for the same reason."""
    items = tuple(_ITEM.validate_python(item) for item in record["items"])
    batch = Batch(record["_id"], _ENTRY.validate_python(record["first"]), items)
    return StoredBatch(batch, record["fingerprint"], "open_since" in record)
