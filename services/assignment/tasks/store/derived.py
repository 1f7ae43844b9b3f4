"""Fills the derived fields of records that an earlier version of assignment wrote."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from pymongo import UpdateOne

from services.assignment.tasks.store.list_indexes import COLLECTION
from services.assignment.tasks.store.records import DERIVED, WITHOUT_LOGS, derived_of, to_task
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.mongo import Database, Record

INDEXES: Final = (Index(COLLECTION, ascending("derived")),)
_AT_ONCE: Final = 200
_PAUSE_SECONDS: Final = 60.0
_BEHIND: Final[Record] = {"derived": {"$not": {"$gte": DERIVED}}}
_log = structlog.get_logger(__name__)


async def keep_derived(database: Database) -> None:
    """Fill what is behind, again each minute: a replica of the earlier version may still write tasks."""
    while True:
        if filled := await fill_derived(database):
            _log.info("derived_filled", tasks=filled)
        await asyncio.sleep(_PAUSE_SECONDS)


async def fill_derived(database: Database) -> int:
    """Fill every record that is behind, and return their number. Stopped, it goes on at the next start.

    A task that is changed meanwhile is left alone: the change has filled it. Until the end, a filter by a new derived
    field does not find the old records that are still to come.
    """
    tasks, filled = database[COLLECTION], 0
    while found := await tasks.find(_BEHIND, WITHOUT_LOGS).limit(_AT_ONCE).to_list(None):
        result = await tasks.bulk_write(await asyncio.to_thread(_fillings, found), ordered=False)
        filled += result.modified_count
    return filled


def _fillings(records: Sequence[Record]) -> list[UpdateOne]:
    return [_filling(record) for record in records]


def _filling(record: Record) -> UpdateOne:
    present = {"_id": record["_id"], "version": record["version"], **_BEHIND}
    return UpdateOne(present, {"$set": derived_of(to_task(record))})
