"""Batched writes: the writes that reach a collection at the same moment go to MongoDB as one bulk write.

Databases call this group commit. The journal is flushed once for all of them, and the driver is called once. Each
caller gets the outcome that its write would have had alone, after a majority of the servers has it on disk.

How a lost race is detected
---------------------------
An update has a guard in its filter, for example the version that it was decided on. If another writer was faster,
the filter matches nothing. MongoDB promises the number of matched records of a bulk write, but not which updates
matched. So every update carries a write id, and the record keeps it.

1. The number of matched records is the number of updates: each update matched its record. This is the usual case.
2. The number is smaller: one query reads the write ids that the records keep. An update whose id is there was done.

The answer is right for these reasons.

- "Done" is never wrong. A write id is unique and is written by its update only. The bulk write is acknowledged by a
  majority before the query, so no failover takes the id away.
- "Lost" is never wrong while the record keeps the id. Where other writers cannot remove it, as in a task's history,
  that is for ever. Where the record keeps only the last ids, the store says why a wrong "lost" does no harm.
- The driver may send a bulk write again after a network error. MongoDB then repeats the result of what it has done
  already (retryable writes), so an update that was done is counted, and is not done twice.
- Several updates of one record may stand in one batch. The first changes what the guards of the others ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from bson import ObjectId, encode
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteConcernError, WriteError

from shared.batching import Batcher, copy_of
from shared.mongo import seconds_of

if TYPE_CHECKING:
    from shared.mongo import Collection, Record

WriteId: TypeAlias = ObjectId
"""Names one update. The store puts it where the record keeps its write ids."""

_DUPLICATE_KEY: Final = 11000


def new_write_id() -> WriteId:
    """Return an id that no other write of any process has."""
    return ObjectId()


@dataclass(frozen=True, slots=True)
class Update:
    """A change of the record with this id, if it matches the guard.

    The change puts `write_id` where the record keeps its write ids.
    """

    key: Any
    guard: Mapping[str, Any]
    change: Mapping[str, Any]
    write_id: WriteId

    def filter(self) -> dict[str, Any]:
        return {"_id": self.key, **self.guard}


@dataclass(frozen=True, slots=True)
class _Write:
    """One caller's write; only an update has an id."""

    key: Any
    operation: InsertOne[Record] | UpdateOne
    id: WriteId | None = None


def _tell_nobody(_keys: Sequence[Any]) -> None:
    pass


class BatchedWrites:
    """Writes the records of one collection.

    `write_ids` is the field in which a record keeps the ids of the updates that were done. `written` is called with
    the ids of the records that were written, also when their callers have left.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        write_ids: str = "writes",
        written: Callable[[Sequence[Any]], None] = _tell_nobody,
    ) -> None:
        self._collection = collection
        self._write_ids = write_ids
        self._written = written
        self._batches: Batcher[_Write, bool] = Batcher(
            self._write_batch,
            name=f"{collection.name}.writes",
            # A write that is begun later could be done after its caller was told that it is not.
            takes=seconds_of(collection),
        )

    async def insert(self, record: Record) -> None:
        """Insert a record.

        Raises:
            DuplicateKeyError: its id or a value of a unique index is taken.

        """
        operation = InsertOne(cast("Record", self._encoded(record)))
        await self._batches.submit(_Write(record["_id"], operation))

    async def update(self, update: Update) -> bool:
        """Change a record if it matches the guard, and return whether it did."""
        operation = UpdateOne(update.filter(), self._encoded(update.change))
        return await self._batches.submit(_Write(update.key, operation, update.write_id))

    async def update_all(self, updates: Sequence[Update]) -> list[bool]:
        """Make the updates of one caller by a bulk write of their own, and return which of them matched.

        An exception of one is raised for all; the others may have been done.
        """
        writes = [_Write(one.key, UpdateOne(one.filter(), one.change), one.write_id) for one in updates]
        outcomes = await self._write_batch(writes) if writes else []
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return [outcome is True for outcome in outcomes]

    async def drain(self) -> None:
        """Wait until everything that was submitted has been written."""
        await self._batches.drain()

    def _encoded(self, record: Mapping[str, Any]) -> RawBSONDocument:
        """Encode here, so that a record that cannot be encoded fails alone. In the bulk write all would fail."""
        return RawBSONDocument(encode(record, codec_options=self._collection.codec_options))

    async def _write_batch(self, batch: Sequence[_Write]) -> Sequence[bool | Exception]:
        errors: Mapping[int, Exception] = {}
        try:
            matched = (await self._collection.bulk_write([w.operation for w in batch], ordered=False)).matched_count
        except BulkWriteError as error:
            errors, matched = errors_by_index(error, len(batch)), error.details["nMatched"]
        sent = [write for index, write in enumerate(batch) if index not in errors]
        updates = [write for write in sent if write.id]
        done = await self._look(updates) if matched < len(updates) else {}
        outcomes = [errors[index] if index in errors else done.get(write.id, True) for index, write in enumerate(batch)]
        self._written([write.key for write, outcome in zip(batch, outcomes, strict=True) if outcome is True])
        return outcomes

    async def _look(self, updates: Sequence[_Write]) -> dict[WriteId | None, bool | Exception]:
        """Return for each update whether it was done, or why nobody can say."""
        ids = [write.id for write in updates]
        changed = {"_id": {"$in": [write.key for write in updates]}, self._write_ids: {"$in": ids}}
        try:
            kept = set(await self._collection.distinct(self._write_ids, changed))
        except Exception as error:  # noqa: BLE001 - the callers of these updates raise it, and nobody else
            return {write_id: copy_of(error) for write_id in ids}
        return {write_id: write_id in kept for write_id in ids}


def duplicate_of(error: DuplicateKeyError) -> list[str]:
    """Return the fields of the unique index in which a value is taken."""
    return list((error.details or {}).get("keyPattern", ()))


def errors_by_index(error: BulkWriteError, number: int) -> dict[int, Exception]:
    """Return what each of the failed writes would have raised alone, with the driver's error as its cause.

    If a majority did not confirm the bulk write, no write is certain, and each has failed.
    """
    errors: dict[int, Exception] = {}
    for fault in error.details["writeConcernErrors"]:
        errors = {index: WriteConcernError(fault["errmsg"], fault["code"], fault) for index in range(number)}
    for fault in error.details["writeErrors"]:
        kind = DuplicateKeyError if fault["code"] == _DUPLICATE_KEY else WriteError
        errors[fault["index"]] = kind(fault["errmsg"], fault["code"], fault)
    for failure in errors.values():
        failure.__cause__ = error
    return errors
