"""The collection `watches`: one record a task, and the moment it waits for next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Some
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pymongo.errors import DuplicateKeyError

from services.deadline.rules.moments import MomentKind, WatchedMoment
from services.deadline.rules.watch import Watch
from shared.batched_writes import BatchedWrites, Update, new_write_id
from shared.batching import BatchedReads
from shared.events.envelope import Event
from shared.events.task import Task
from shared.messaging import outbox
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from shared.mongo import Collection, Database, Record

WATCHES: Final = "watches"
# A task that waits for nothing has no `next_moment` and is not in the index.
INDEXES: Final = (
    Index(WATCHES, ascending("next_moment"), partial={"next_moment": {"$exists": True}}, name="next_moment"),
)
_WITHOUT_LOGS: Final = {"outbox": 0, "writes": 0}
_WRITES_KEPT: Final = 8
"""How many write ids a record keeps: the last ones."""


@dataclass(frozen=True, slots=True)
class StoredWatch:
    """A record as it was read. Its sequence and moments tell whether it has changed since."""

    record: Mapping[str, Any]

    @property
    def task_id(self) -> str:
        task_id: str = self.record["_id"]
        return task_id

    @property
    def next_moment(self) -> datetime | None:
        return self.record.get("next_moment")

    def watch(self) -> Watch:
        """Read what is watched.

        Raises:
            ValueError, KeyError: the record is not one of ours.

        """
        return Watch(
            task=Task.model_validate(self.record["task"]),
            due_since=self.record["due_since"],
            dealt_with={MomentKind(kind): at for kind, at in self.record["dealt_with"].items()},
        )

    def guard(self) -> Record:
        return {
            "_id": self.task_id,
            "sequence": self.record["sequence"],
            "due_since": self.record.get("due_since"),
            "next_moment": self.next_moment,
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """What one write makes of a record whose moment has come: the watch after it, and the events."""

    found: StoredWatch
    after: Watch
    following: WatchedMoment | None
    events: Sequence[Event[Any]]


class WatchStore:
    """Every query, index and claim of the service.

    Every update puts its write id into the record's `writes`, which keeps the last few. In a rare case an update that
    was done is reported as lost: as many other writes of the same record came between the bulk write and the query of
    `BatchedWrites`. This does no harm. The observer finds the watch again and sees that the state is there already.
    The monitor does not wake the relay, whose sweep publishes the events some seconds later; they are counted in no
    metric. No event is announced twice, because the second claim of a moment does not match the guard.
    """

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database[WATCHES]
        self._finds: BatchedReads[str, Mapping[str, StoredWatch]] = BatchedReads(self._found, name="watches.reads")
        self._writes = BatchedWrites(self.collection)

    async def find(self, task_id: str) -> StoredWatch | None:
        return (await self._finds.get([task_id])).get(task_id)

    async def _found(self, task_ids: Some[str]) -> Mapping[str, StoredWatch]:
        records = self.collection.find({"_id": {"$in": [*task_ids]}}, _WITHOUT_LOGS)
        return {record["_id"]: StoredWatch(record) for record in await records.to_list(None)}

    async def task_ids(self) -> AsyncIterator[str]:
        """Yield the ids of all tasks that are watched."""
        async for record in self.collection.find({}, {"_id": 1}):
            yield record["_id"]

    async def insert_if_absent(self, watch: Watch, following: WatchedMoment | None) -> bool:
        """Begin to watch a task; False if it is watched already."""
        record = {"_id": watch.task.id, **_state_of(watch), **_waiting_for(following), **outbox.fields([])}
        try:
            await self._writes.insert(record)
        except DuplicateKeyError:
            return False
        return True

    async def replace_if_unchanged(self, found: StoredWatch, watch: Watch, following: WatchedMoment | None) -> bool:
        """Take in a later state; False if the record has changed since it was found."""
        return await self._writes.update(_update_of(found, _state_of(watch), following))

    async def due(self, now: datetime, limit: int) -> list[StoredWatch]:
        """Return records whose next moment lies behind, the longest waiting first."""
        cursor = self.collection.find({"next_moment": {"$lt": now}}, _WITHOUT_LOGS).sort("next_moment").limit(limit)
        return [StoredWatch(record) async for record in cursor]

    async def claim(self, claims: Sequence[Claim]) -> set[str]:
        """Store each claim with its events, unless its record has changed; return the tasks that were won."""
        won = await self._writes.update_all([_update_of_claim(claim) for claim in claims])
        return {claim.found.task_id for claim, is_won in zip(claims, won, strict=True) if is_won}

    async def push_back(self, found: StoredWatch, until: datetime) -> None:
        """Let a record that cannot be handled wait, unless it has changed."""
        await self.collection.update_one(found.guard(), {"$set": {"next_moment": until}})


def _update_of_claim(claim: Claim) -> Update:
    changes = {"dealt_with": dict(claim.after.dealt_with)}
    return _update_of(claim.found, changes, claim.following, claim.events)


def _update_of(
    found: StoredWatch, changes: Record, following: WatchedMoment | None, events: Sequence[Event[Any]] = ()
) -> Update:
    """Return the update that changes a record and its outbox, if the record has not changed since it was found."""
    write_id = new_write_id()
    change: Record = {
        "$set": {**changes, **_waiting_for(following)},
        "$push": {"writes": {"$each": [write_id], "$slice": -_WRITES_KEPT}},
    }
    if following is None:
        change["$unset"] = {"next_moment": ""}
    return Update(found.task_id, found.guard(), outbox.push(events, change), write_id)


def _state_of(watch: Watch) -> Record:
    return {
        "sequence": watch.task.version,
        "task": watch.task.model_dump(),
        "due_since": watch.due_since,
        "dealt_with": dict(watch.dealt_with),
    }


def _waiting_for(moment: WatchedMoment | None) -> Record:
    if moment is None:
        return {}
    return {"next_moment": moment.at}
