"""What people read of `tasks`: lists, histories, and which task replaces which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.assignment.tasks.store.list_indexes import COLLECTION
from services.assignment.tasks.store.records import WITHOUT_LOGS, left_out_of_briefs, to_entry
from shared.mongo import find_by_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.assignment.tasks.rules.state import HistoryEntry
    from services.assignment.tasks.store.queries import ListQuery
    from shared.mongo import Database, Record

_BRIEF: Final[Record] = {**WITHOUT_LOGS, **dict.fromkeys(left_out_of_briefs(), 0)}


class TaskLists:
    """Only reads. Its database may be of a client of its own, whose operations end sooner than those of acts."""

    def __init__(self, database: Database) -> None:
        self._tasks = database[COLLECTION]

    async def listed(self, query: ListQuery, limit: int) -> list[Record]:
        """Return up to `limit` briefs, in the order of the query."""
        if not query.ranges:
            return []
        return await find_by_index(self._tasks, {"$or": query.ranges}, query.index, query.order, limit, _BRIEF)

    async def replacements(self, task_ids: Iterable[str]) -> dict[str, str]:
        """Return which task replaces each of the recalled ones, by the id of the recalled one."""
        found = self._tasks.find({"replaces": {"$in": list(task_ids)}}, {"replaces": 1})
        return {record["replaces"]: record["_id"] async for record in found}

    async def history(self, task_id: str, after: int, limit: int) -> list[HistoryEntry]:
        """Return the entries of a task after a version, oldest first."""
        later = {"$filter": {"input": "$history", "cond": {"$gt": ["$$this.sequence", after]}}}
        pipeline: list[Record] = [
            {"$match": {"_id": task_id}},
            {"$project": {"history": {"$slice": [later, limit]}}},
        ]
        async for record in self._tasks.aggregate(pipeline):
            return [to_entry(entry) for entry in record["history"]]
        return []
