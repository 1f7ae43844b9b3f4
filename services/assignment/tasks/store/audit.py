"""Reads everything that is stored, one record at a time, for `check`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from services.assignment.tasks.store.batches import COLLECTION as BATCHES
from services.assignment.tasks.store.batches import to_stored_batch
from services.assignment.tasks.store.list_indexes import COLLECTION as TASKS

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.rules.batch import Batch
    from shared.mongo import Database, Record

_AT_ONCE: Final = 100


async def stored_tasks(database: Database) -> AsyncIterator[Record]:
    """Yield every task with its history."""
    async for record in database[TASKS].find({}, {"outbox": 0}).batch_size(_AT_ONCE):
        yield record


async def stored_batches(database: Database, before: datetime) -> AsyncIterator[Batch]:
    """Yield every batch whose tasks must exist: those finished, and those left open since before a moment."""
    finished = {"$or": [{"open_since": {"$exists": False}}, {"open_since": {"$lt": before}}]}
    async for record in database[BATCHES].find(finished):
        yield to_stored_batch(record).batch


async def known_among(database: Database, task_ids: list[str]) -> set[str]:
    """Return those of the ids that a task has."""
    found = database[TASKS].find({"_id": {"$in": task_ids}}, {"_id": 1})
    return {record["_id"] async for record in found}
