"""Group commit: the writes that reach a collection at the same moment go to MongoDB as one bulk write.

Each writer learns its own outcome, as if it had written alone, once a majority has it on disk; the journal is flushed,
and the driver called, once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteConcernError, WriteError

from shared.batching import Batcher

if TYPE_CHECKING:
    from shared.mongo import Collection, Record

_Write: TypeAlias = "InsertOne[Record] | UpdateOne"
# A hundred tasks with the longest texts make some 50 MB; the driver cuts that into messages the server takes.
_MOST: Final = 100
_DUPLICATE_KEY: Final = 11000
_IMMUTABLE_FIELD: Final = 66
_NEVER_INSERTED: Final = {"$setOnInsert": {"_id": None}}
"""An id is immutable: on a record that is there this does nothing, and making one with it is refused."""


class GroupCommit:
    """Writes records of one collection; `written` is told the ids of those that were, also when the writer left."""

    def __init__(self, collection: Collection, written: Callable[[Sequence[Any]], None]) -> None:
        self._collection = collection
        self._written = written
        self._writes: Batcher[tuple[Any, _Write], None] = Batcher(self._together, most=_MOST)

    async def insert(self, record: Record) -> None:
        """Insert a record.

        Raises:
            DuplicateKeyError: its id or a value of a unique index is taken.

        """
        await self._writes.submit((record["_id"], InsertOne(cast("Record", self._encoded(record)))))

    async def update(self, key: Any, guard: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
        """Change the record with this id, if it is as the guard has it; tell whether it was.

        A bulk write tells how many it changed, but not which. So where nothing is to be changed, the change is made
        an error, which has its place in the order: it is an upsert that may not be carried out.
        """
        upsert = UpdateOne({"_id": key, **guard}, self._encoded({**change, **_NEVER_INSERTED}), upsert=True)
        try:
            await self._writes.submit((key, upsert))
        except WriteError as error:
            if error.code != _IMMUTABLE_FIELD:
                raise
            return False
        return True

    async def drain(self) -> None:
        """Wait until what is under way has been written."""
        await self._writes.drain()

    def _encoded(self, record: Mapping[str, Any]) -> RawBSONDocument:
        """Encode it here, where what cannot be encoded fails alone: among others it would be all that fail."""
        return RawBSONDocument(encode(record, codec_options=self._collection.codec_options))

    async def _together(self, writes: Sequence[tuple[Any, _Write]]) -> Sequence[Exception | None]:
        outcomes: list[Exception | None] = [None] * len(writes)
        try:
            await self._collection.bulk_write([write for _, write in writes], ordered=False)
        except BulkWriteError as error:
            outcomes = _outcomes(error.details, len(writes))
        self._written([key for (key, _), outcome in zip(writes, outcomes, strict=True) if outcome is None])
        return outcomes


def duplicate_of(error: DuplicateKeyError) -> list[str]:
    """Return the fields of the unique index in which a value is taken."""
    return list((error.details or {}).get("keyPattern", ()))


def _outcomes(details: Mapping[str, Any], number: int) -> list[Exception | None]:
    """Return what each write would have raised alone; those without an error were done, but perhaps for the disks."""
    not_on_disks = [WriteConcernError(fault["errmsg"], fault["code"], fault) for fault in details["writeConcernErrors"]]
    outcomes: list[Exception | None] = [not_on_disks[-1] if not_on_disks else None] * number
    for fault in details["writeErrors"]:
        kind = DuplicateKeyError if fault["code"] == _DUPLICATE_KEY else WriteError
        outcomes[fault["index"]] = kind(fault["errmsg"], fault["code"], fault)
    return outcomes
