"""What people read of `tasks`: lists, histories, and which task replaces which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.assignment.tasks.store.list_indexes import COLLECTION, NEWEST, index
from services.assignment.tasks.store.records import WITHOUT_LOGS, left_out_of_briefs, to_entry
from services.assignment.tasks.store.work import counting
from shared.lane import Lane
from shared.mongo import count_by_index, find_by_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.assignment.tasks.rules.state import HistoryEntry
    from services.assignment.tasks.store.filters import Narrowing
    from services.assignment.tasks.store.queries import ListQuery
    from shared.mongo import Database, Record

_BRIEF: Final[Record] = {**WITHOUT_LOGS, "waiting": 0, "work": 0, **dict.fromkeys(left_out_of_briefs(), 0)}
FEW: Final = 5_000
"""How many tasks are rather read whole and sorted than looked for among the others. If there are more, a page is soon
full: at a million tasks, where one in two hundred is wanted, after ten thousand of the others."""
MOST_COUNTED: Final = 10_000


class TaskLists:
    """Only reads. Its database may be of a client of its own, whose operations end sooner than those of acts."""

    def __init__(self, database: Database, *, few: int = FEW, most_counted: int = MOST_COUNTED) -> None:
        self._few = few
        self._most_counted = most_counted
        self._tasks = database[COLLECTION]
        without_zone = database.codec_options.with_options(tz_aware=False, tzinfo=None)
        self._briefs = database.get_collection(COLLECTION, without_zone)
        self._lane = Lane("tasks.lists")

    async def listed(self, query: ListQuery, limit: int) -> list[Record]:
        """Return up to `limit` briefs, in the order of the query. Their moments have no zone (`briefs.py` says why)."""
        if not query.ranges:
            return []
        asked = {"$or": query.ranges}
        async with self._lane.turn():
            return await find_by_index(self._briefs, asked, query.index, query.order, limit, _BRIEF)

    async def fewest(self, narrowings: Sequence[Narrowing]) -> Narrowing | None:
        """Return the narrowing with the fewest tasks, if they are few; none of them is counted further."""
        if not narrowings:
            return None
        async with self._lane.turn():
            counts = [
                await count_by_index(self._tasks, each.condition, index(each.field, NEWEST).full_name, self._few + 1)
                for each in narrowings
            ]
        least = min(counts)
        return narrowings[counts.index(least)] if least <= self._few else None

    async def count(self, query: ListQuery) -> tuple[int, bool]:
        """Return how many tasks a query without a position finds, and whether it is exact: no more are counted."""
        if not query.ranges:
            return 0, True
        async with self._lane.turn():
            asked = {"$or": query.ranges}
            found = await count_by_index(self._tasks, asked, query.index, self._most_counted + 1)
        return min(found, self._most_counted), found <= self._most_counted

    async def counted(self, wanted: Mapping[str, Record]) -> dict[str, int]:
        """Return how many tasks each filter of `work.py` finds."""
        async with self._lane.turn():
            found = await self._tasks.aggregate(counting(wanted)).to_list()
        return {**dict.fromkeys(wanted, 0), **{record["_id"]: record["count"] for record in found}}

    async def replacements(self, task_ids: Iterable[str]) -> dict[str, str]:
        """Return which task replaces each of the recalled ones, by the id of the recalled one."""
        found = self._tasks.find({"replaces": {"$in": list(task_ids)}}, {"replaces": 1})
        async with self._lane.turn():
            return {record["replaces"]: record["_id"] for record in await found.to_list()}

    async def history(self, task_id: str, after: int, limit: int) -> list[HistoryEntry]:
        """Return the entries of a task after a version, oldest first."""
        later = {"$filter": {"input": "$history", "cond": {"$gt": ["$$this.sequence", after]}}}
        pipeline: list[Record] = [
            {"$match": {"_id": task_id}},
            {"$project": {"history": {"$slice": [later, limit]}}},
        ]
        async with self._lane.turn():
            found = await self._tasks.aggregate(pipeline).to_list()
        return [to_entry(entry) for record in found for entry in record["history"]]
