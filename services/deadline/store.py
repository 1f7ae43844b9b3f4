"""The collection `watches`: one record a task, and the moment it waits for next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from services.deadline.rules.moments import MomentKind, WatchedMoment
from services.deadline.rules.watch import Watch
from shared.batching import Batcher
from shared.events.envelope import Event
from shared.events.task import Task
from shared.group_commit import GroupCommit
from shared.messaging import outbox
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from shared.mongo import Collection, Database, Record

WATCHES: Final = "watches"
# A task that waits for nothing has no `next_moment` and is not in the index.
INDEXES: Final = (
    Index(WATCHES, ascending("next_moment"), partial={"next_moment": {"$exists": True}}, name="next_moment"),
)
_NO_OUTBOX: Final = {"outbox": 0}
_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class StoredWatch:
    """A record as it was read; whether it has changed since, its sequence and its moments tell."""

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

    def unchanged(self) -> Record:
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

    What events ask at the same moment is found by one query, and what they change is written by one bulk write.
    """

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database[WATCHES]
        self._finds: Batcher[str, StoredWatch | None] = Batcher(self._found, most=_MOST_AT_ONCE)
        self._writes = GroupCommit(self.collection, lambda _: None)

    async def find(self, task_id: str) -> StoredWatch | None:
        return await self._finds.submit(task_id)

    async def _found(self, task_ids: Sequence[str]) -> Sequence[StoredWatch | None]:
        records = self.collection.find({"_id": {"$in": [*set(task_ids)]}}, _NO_OUTBOX)
        found = {record["_id"]: StoredWatch(record) for record in await records.to_list(None)}
        return [found.get(task_id) for task_id in task_ids]

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
        return await self._writes.update(found.task_id, found.unchanged(), _update(_state_of(watch), following))

    async def due(self, now: datetime, limit: int) -> list[StoredWatch]:
        """Return records whose next moment lies behind, the longest waiting first."""
        cursor = self.collection.find({"next_moment": {"$lt": now}}, _NO_OUTBOX).sort("next_moment").limit(limit)
        return [StoredWatch(record) async for record in cursor]

    async def claim(self, claims: Sequence[Claim]) -> set[str]:
        """Store each claim with its events, unless its record has changed; return the tasks that were won."""
        if not claims:
            return set()
        token = uuid4().hex
        result = await self.collection.bulk_write([_claim(claim, token) for claim in claims], ordered=False)
        tasks = [claim.found.task_id for claim in claims]
        if result.modified_count == len(claims):
            return set(tasks)
        won = self.collection.find({"_id": {"$in": tasks}, "claim": token}, {"_id": 1})
        return {record["_id"] async for record in won}

    async def push_back(self, found: StoredWatch, until: datetime) -> None:
        """Let a record that cannot be handled wait, unless it has changed."""
        await self.collection.update_one(found.unchanged(), {"$set": {"next_moment": until}})


def _claim(claim: Claim, token: str) -> UpdateOne:
    update = _update({"dealt_with": dict(claim.after.dealt_with), "claim": token}, claim.following)
    return UpdateOne(claim.found.unchanged(), {**update, **outbox.push(claim.events)})


def _update(changes: Record, following: WatchedMoment | None) -> Record:
    if following is None:
        return {"$set": changes, "$unset": {"next_moment": "", "next_kind": "", "next_rung": ""}}
    return {"$set": {**changes, **_waiting_for(following)}}


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
    return {"next_moment": moment.at, "next_kind": moment.kind, "next_rung": moment.rung}
