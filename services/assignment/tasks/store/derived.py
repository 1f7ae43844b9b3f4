"""Fills the derived fields of records that an earlier version of assignment wrote."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from pymongo import UpdateOne

from services.assignment.tasks.store.list_indexes import A_TEXT, COLLECTION, CONDITIONS, Subset
from services.assignment.tasks.store.records import DERIVED, LATER, brought_up
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.mongo import Collection, Database, Record

INDEXES: Final = (Index(COLLECTION, ascending("derived")),)
_AT_ONCE: Final = 200
_PAUSE_SECONDS: Final = 60.0
_BEHIND: Final[Record] = {"derived": {"$not": {"$gte": DERIVED}}}
_CHANGED: Final[Record] = {"$expr": {"$ne": ["$derived_at", "$version"]}}
_LIVING: Final[Record] = {"$or": [CONDITIONS[Subset.OPEN], {"work": A_TEXT}, {"waiting": A_TEXT}]}
"""Finds the tasks that are open, or were when this version last wrote them, or wait for somebody."""
_log = structlog.get_logger(__name__)


async def keep_derived(database: Database) -> None:
    """Fill what is behind, again each minute: a replica of the earlier version may still write tasks."""
    while True:
        if filled := await fill_derived(database):
            _log.info("derived_filled", tasks=filled)
        await asyncio.sleep(_PAUSE_SECONDS)


async def fill_derived(database: Database) -> int:
    """Fill every record that is behind, and return their number. Stopped, it goes on at the next start.

    Living tasks come first. Of these it also finds what a replica of an earlier version has changed since. A task that
    is changed meanwhile is left alone: the change has filled it. Until the end, lists and numbers do not find the old
    records that are still to come by what is new.
    """
    tasks = database[COLLECTION]
    living = await _fill(tasks, {"$and": [_LIVING, {"$or": [_BEHIND, _CHANGED]}]})
    return living + await _fill(tasks, _BEHIND)


async def _fill(tasks: Collection, wanted: Record) -> int:
    """Fill what the filter finds. A record that cannot be read stops no other one; it is looked at again next time."""
    filled, left_out = 0, list[Any]()
    while found := await tasks.find({"$and": [wanted, {"_id": {"$nin": left_out}}]}, {"outbox": 0}).to_list(_AT_ONCE):
        fillings = await asyncio.to_thread(_fillings, found, left_out)
        if fillings:
            filled += (await tasks.bulk_write(fillings, ordered=False)).modified_count
    return filled


def _fillings(records: Sequence[Record], left_out: list[Any]) -> list[UpdateOne]:
    """Return the writes; the ids of records that cannot be read are added to those left out."""
    fillings = []
    for record in records:
        try:
            fillings.append(_filling(record))
        except (ValueError, KeyError, TypeError) as error:
            left_out.append(record["_id"])
            _log.warning("derived_left_out", task_id=record["_id"], error=type(error).__name__)
    return fillings


def _filling(record: Record) -> UpdateOne:
    made = brought_up(record, record["history"])
    present = {"_id": record["_id"], "version": record["version"]}
    return UpdateOne(present, {"$set": {name: made[name] for name in LATER}})
