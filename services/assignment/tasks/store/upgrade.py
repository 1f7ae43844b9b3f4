"""Fills in what records of an earlier version lack: the derived fields that queries use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from pymongo import UpdateOne

from services.assignment.tasks.store.list_indexes import COLLECTION, WORDS
from services.assignment.tasks.store.records import WITHOUT_LOGS, derived_from, to_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.mongo import Database, Record

_AT_ONCE: Final = 200
_PAUSE_SECONDS: Final = 60.0
_WITHOUT_WORDS: Final[Record] = {"words": None}
_log = structlog.get_logger(__name__)


class Upgrade:
    """Looks for records without `words`, by the index of words, and derives their fields anew.

    It goes on while the service runs: a replica of the earlier version may still assign tasks.
    """

    def __init__(self, database: Database) -> None:
        self._tasks = database[COLLECTION]

    async def run(self) -> None:
        while True:
            filled = await self.fill()
            if filled:
                _log.info("records_upgraded", records=filled)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def fill(self) -> int:
        """Fill in every record that lacks the fields, and return how many there were."""
        filled = 0
        while found := await self._lacking():
            await self._tasks.bulk_write(await asyncio.to_thread(_changes, found), ordered=False)
            filled += len(found)
        return filled

    async def _lacking(self) -> list[Record]:
        found = self._tasks.find(_WITHOUT_WORDS, WITHOUT_LOGS).hint(WORDS.full_name).limit(_AT_ONCE)
        return await found.to_list(_AT_ONCE)


def _changes(records: Sequence[Record]) -> list[UpdateOne]:
    """Return the writes. A task that changed meanwhile has its fields from that change, or is found again."""
    return [
        UpdateOne(
            {"_id": record["_id"], "version": record["version"], **_WITHOUT_WORDS},
            {"$set": derived_from(to_task(record))},
        )
        for record in records
    ]
