"""The outbox: events are stored in the record whose write caused them, until the broker has confirmed them.

A record has `outbox: [{"id", "type", "body", "at"}]`. `pending_since` is the true time of its oldest event, and absent
when the outbox is empty. A partial index on `pending_since` finds the records that wait, and how long they have waited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared.clock import true_now
from shared.events.codec import encode
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from shared.events.envelope import Event
    from shared.mongo import Collection as MongoCollection
    from shared.mongo import Record

_PENDING: Final[Mapping[str, Any]] = {"pending_since": {"$exists": True}}
_PIECE_BYTES: Final = 4_000_000
_OUTBOX_ONLY: Final[Mapping[str, Any]] = {"outbox": 1}


def fields(events: Iterable[Event[Any]]) -> Record:
    """Return the fields of a new record with its first events."""
    entries = _entries(events)
    return {"outbox": entries, "pending_since": entries[0]["at"]} if entries else {"outbox": []}


def push(events: Iterable[Event[Any]], change: Mapping[str, Any] | None = None) -> Record:
    """Return a change of a record that also puts the events into its outbox; without events, the change as it is."""
    change, entries = dict(change or {}), _entries(events)
    if not entries:
        return change
    pushed = {**change.get("$push", {}), "outbox": {"$each": entries}}
    return {**change, "$push": pushed, "$min": {"pending_since": entries[0]["at"]}}


def _entries(events: Iterable[Event[Any]]) -> list[Record]:
    now = true_now()
    return [{"id": event.id, "type": event.type, "body": encode(event), "at": now} for event in events]


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event that is not confirmed yet. `at` is the true time when it was written."""

    id: str
    type: str
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """A record and its events that are not confirmed yet, in the order in which they were written."""

    record_id: Any
    entries: tuple[OutboxEvent, ...]

    @property
    def size(self) -> int:
        """How many bytes the events have."""
        return sum(len(entry.body) for entry in self.entries)


class Outbox:
    """The outboxes of one collection's records."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    @property
    def name(self) -> str:
        return self._collection.name

    async def ensure_index(self) -> None:
        index = Index(self.name, ascending("pending_since"), partial=_PENDING, name="pending_since")
        await self._collection.create_indexes([index.model()])

    async def load(self, record_ids: Sequence[Any]) -> AsyncIterator[list[Pending]]:
        """Yield the events that wait in these records, in pieces of a few megabytes.

        One record may hold the events of a whole outage. MongoDB answers with at most 16 MB at once, so no more than
        that and a piece is in hand.
        """
        found = self._collection.find({"_id": {"$in": list(record_ids)}, **_PENDING}, _OUTBOX_ONLY)
        piece: list[Pending] = []
        size = 0
        async for record in found:
            piece.append(_pending(record))
            size += piece[-1].size
            if size > _PIECE_BYTES:
                yield piece
                piece, size = [], 0
        if piece:
            yield piece

    async def waiting_since(self, moment: datetime, *, at_most: int) -> AsyncIterator[list[Any]]:
        """Yield the ids of the records that have waited since `moment` or longer, oldest first, in chunks."""
        found = self._collection.find({"pending_since": {"$lte": moment}}, {"_id": 1}).sort("pending_since")
        while chunk := await found.to_list(at_most):
            yield [record["_id"] for record in chunk]

    async def clear(self, confirmed: Mapping[Any, Collection[str]]) -> None:
        """Remove the confirmed events from these records. Events that were added meanwhile stay."""
        if confirmed:
            done = [event_id for ids in confirmed.values() for event_id in ids]
            await self._collection.update_many({"_id": {"$in": list(confirmed)}}, _without(done))

    async def put_again(self, record_id: Any, events: Sequence[Event[Any]]) -> None:
        """Put events that were published before into a record's outbox once more; those that still wait stay one."""
        waiting = await self._ids_in(record_id)
        change = push(event for event in events if event.id not in waiting)
        if change:
            await self._collection.update_one({"_id": record_id}, change)

    async def is_empty(self, record_id: Any) -> bool:
        """Whether all events of a record are confirmed."""
        return await self._collection.find_one({"_id": record_id, **_PENDING}, {"_id": 1}) is None

    async def _ids_in(self, record_id: Any) -> set[str]:
        record = await self._collection.find_one({"_id": record_id}, {"outbox.id": 1})
        return {entry["id"] for entry in (record or {}).get("outbox", ())}

    async def depth(self) -> tuple[int, datetime | None]:
        """Return how many records wait, and since when the oldest has waited."""
        oldest = await self._collection.find_one(_PENDING, {"pending_since": 1}, sort=[("pending_since", 1)])
        if oldest is None:
            return 0, None
        return await self._collection.count_documents(_PENDING, hint="pending_since"), oldest["pending_since"]


def _pending(record: Record) -> Pending:
    entries = (
        OutboxEvent(entry["id"], entry["type"], entry["body"], entry["at"]) for entry in record.get("outbox", ())
    )
    return Pending(record["_id"], tuple(entries))


def _without(ids: Collection[str]) -> list[Record]:
    kept = {
        "$filter": {
            "input": {"$ifNull": ["$outbox", []]},
            "cond": {"$not": {"$in": ["$$this.id", {"$literal": list(ids)}]}},
        }
    }
    oldest = {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", {"$min": "$outbox.at"}]}
    return [{"$set": {"outbox": kept}}, {"$set": {"pending_since": oldest}}]
