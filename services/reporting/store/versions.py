"""The collection `versions`: one record for each version of each task.

A version holds from its `at` until its `until`, the least `at` of the versions after it. Whoever inserts a version
does so first and only then looks at its neighbours: of two that come at the same time, at least the later insertion
sees the other. `until` only ever falls, so any order, any number of repeats and any number of consumers end in the
same records.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pymongo import UpdateMany, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.reporting.rules.versions import FIRST, NEWEST, Version
from services.reporting.store.pipeline import COUNTED_FIELDS, pipeline
from shared.batched_writes import BatchedWrites
from shared.batching import Batcher
from shared.mongo import Database, Index, Record, ascending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from services.reporting.rules.question import Question
    from shared.office.workdays import WorkCalendar

VERSIONS: Final = "versions"
_LED_AT: Final = ("lead_agency", "until", "at")
_PIECE: Final = 500
"""How many groups are read at once."""
INDEXES: Final = (
    Index(VERSIONS, ascending("task", "sequence", "at"), name="of_a_task"),
    # The index holds all that is counted: reading 100,000 records as well took four times as long.
    Index(
        VERSIONS,
        ascending("until", "lead_agency", "at", *(name for name in COUNTED_FIELDS if name not in _LED_AT)),
        name="held_alike",
    ),
    Index(VERSIONS, ascending(*_LED_AT), name="led"),
)


class Versions:
    """The versions of all tasks."""

    def __init__(self, database: Database) -> None:
        self._versions = database[VERSIONS]
        self._writes = BatchedWrites(self._versions)
        self._closing: Batcher[Version, None] = Batcher(self._close, name="versions.closing")

    async def insert_if_absent(self, version: Version) -> None:
        """Insert a version, and set until when it and its neighbours are valid. Repeats and any order end the same."""
        with suppress(DuplicateKeyError):
            await self._writes.insert({"_id": version.id, **version.to_fields(), "until": NEWEST})
        await self._closing.submit(version)

    async def _close(self, versions: Sequence[Version]) -> list[None]:
        """Set `until` of the versions before each of these, and of these by the versions after them.

        Of two that are inserted at the same moment, by any replicas, the later insertion sees the other.
        """
        followers = [version for version in versions if version.sequence > FIRST]
        ends = [*map(_close_earlier, followers), *await self._closed_by_later(versions)]
        if ends:
            await self._versions.bulk_write(ends, ordered=False)
        return [None] * len(versions)

    async def _closed_by_later(self, versions: Sequence[Version]) -> list[UpdateOne | UpdateMany]:
        later = [{"task": version.task, "sequence": {"$gt": version.sequence}} for version in versions]
        found = await self._versions.find({"$or": later}, {"_id": 0, "task": 1, "sequence": 1, "at": 1}).to_list(None)
        return [
            UpdateOne({"_id": version.id}, {"$min": {"until": min(ends)}})
            for version in versions
            if (ends := [row["at"] for row in found if _succeeds(row, version)])
        ]

    async def of_task(self, task_id: str) -> list[Record]:
        """Return the rows of a task by their version."""
        return await self._versions.find({"task": task_id}).sort("sequence", 1).to_list(None)

    async def task_ids(self) -> AsyncIterator[str]:
        """Yield the ids of all tasks that have a row."""
        async for record in self._versions.aggregate([{"$group": {"_id": "$task"}}], allowDiskUse=True):
            yield record["_id"]

    async def count(self, question: Question, now: datetime, calendar: WorkCalendar) -> AsyncIterator[list[Record]]:
        """Yield every counter of each group of a question, in pieces; `_id` is the key of the group.

        A document may be a group, so there may be 100,000. To decode them all at once held the loop for a second.
        """
        found = self._versions.aggregate(pipeline(question, now, calendar), batchSize=_PIECE)
        while piece := await found.to_list(_PIECE):
            yield piece


def _close_earlier(version: Version) -> UpdateMany:
    earlier = {"task": version.task, "sequence": {"$lt": version.sequence}}
    return UpdateMany(earlier, {"$min": {"until": version.at}})


def _succeeds(row: Record, version: Version) -> bool:
    return bool(row["task"] == version.task and row["sequence"] > version.sequence)
