"""The collections of reporting: `versions`, a record a task a version, and `names`, what codes are called.

A version holds from its `at` until its `until`, the least `at` of the versions after it. Whoever inserts a version
does so first and only then looks at its neighbours: of two that come at the same time, at least the later insertion
sees the other. `until` only ever falls, so any order, any number of repeats and any number of consumers end in the
same records.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pymongo import UpdateMany, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.reporting.rules.question import COUNTED_FIELDS
from services.reporting.rules.versions import FIRST, NEWEST, Version
from shared.batched_writes import BatchedWrites
from shared.batching import Batcher
from shared.mongo import Database, Index, Record, ascending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

VERSIONS: Final = "versions"
NAMES: Final = "names"
_LED_AT: Final = ("lead_agency", "until", "at")
INDEXES: Final = (
    Index(VERSIONS, ascending("task", "sequence", "at"), name="of_a_task"),
    # The whole of what is counted stands in the index: reading 100,000 records took four times as long.
    Index(
        VERSIONS,
        ascending("until", "lead_agency", "at", *(name for name in COUNTED_FIELDS if name not in _LED_AT)),
        name="held",
    ),
    Index(VERSIONS, ascending(*_LED_AT), name="led"),
)


class Named(StrEnum):
    """What has a name."""

    AGENCY = "agency"
    ACCOUNT = "account"


class Versions:
    """The versions of all tasks."""

    def __init__(self, database: Database) -> None:
        self._versions = database[VERSIONS]
        self._writes = BatchedWrites(self._versions)
        self._ends: Batcher[Version, None] = Batcher(self._end)

    async def insert_if_absent(self, version: Version) -> None:
        """Keep a version and let it and its neighbours hold for their own times; harmless again, and in any order."""
        with suppress(DuplicateKeyError):
            await self._writes.insert({"_id": version.id, **asdict(version), "until": NEWEST})
        await self._ends.submit(version)

    async def _end(self, versions: Sequence[Version]) -> list[None]:
        """Let versions that are kept end their predecessors, and be ended by their successors.

        Of two that are kept at the same moment, wherever that is, the one that was inserted later sees the other.
        """
        followers = [version for version in versions if version.sequence > FIRST]
        ends = [*map(_end_of_earlier, followers), *await self._ends_by_later(versions)]
        if ends:
            await self._versions.bulk_write(ends, ordered=False)
        return [None] * len(versions)

    async def _ends_by_later(self, versions: Sequence[Version]) -> list[UpdateOne | UpdateMany]:
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

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Record]:
        return await self._versions.aggregate(pipeline).to_list(None)


class Names:
    """What agencies and accounts are called, as reporting was last told."""

    def __init__(self, database: Database) -> None:
        self._names = database[NAMES]

    async def keep_newest(self, what: Named, code: str, name: str, sequence: int) -> None:
        """Keep a name unless a newer one is known; harmless again, and in any order."""
        is_newer = {"$gt": [sequence, {"$ifNull": ["$sequence", -1]}]}
        newest = {
            "name": {"$cond": [is_newer, {"$literal": name}, "$name"]},
            "sequence": {"$max": ["$sequence", sequence]},
        }
        await self._names.update_one({"_id": _name_id(what, code)}, [{"$set": newest}], upsert=True)

    async def all(self, what: Named) -> dict[str, Record]:
        """Return the whole of what is known, by code."""
        found = self._names.find({"_id": {"$gte": _name_id(what, ""), "$lt": f"{what};"}})
        return {record["_id"].partition(":")[2]: record async for record in found}

    async def of(self, what: Named, codes: Iterable[str]) -> dict[str, str]:
        """Return the known names by code."""
        ids = {_name_id(what, code): code for code in codes}
        found = self._names.find({"_id": {"$in": list(ids)}})
        return {ids[record["_id"]]: record["name"] async for record in found}


def _end_of_earlier(version: Version) -> UpdateMany:
    earlier = {"task": version.task, "sequence": {"$lt": version.sequence}}
    return UpdateMany(earlier, {"$min": {"until": version.at}})


def _succeeds(row: Record, version: Version) -> bool:
    return bool(row["task"] == version.task and row["sequence"] > version.sequence)


def _name_id(what: Named, code: str) -> str:
    return f"{what}:{code}"
