"""Reads everything that is stored, one record at a time, for `check` and `resend`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.assignment.tasks.rules.task import states
from services.assignment.tasks.store.batches import COLLECTION as BATCHES
from services.assignment.tasks.store.batches import to_stored_batch
from services.assignment.tasks.store.list_indexes import COLLECTION as TASKS
from services.assignment.tasks.store.records import cause_of, event_of, to_entry

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.rules.batch import Batch
    from shared.events.envelope import Event
    from shared.mongo import Database, Record

_AT_ONCE: Final = 100


class PastEvents(NamedTuple):
    """The events of a task's history, oldest first; `broken` names the error if the history cannot be replayed."""

    task_id: str
    events: list[Event[Any]]
    broken: str | None = None


async def stored_tasks(database: Database) -> AsyncIterator[Record]:
    """Yield every task with its history."""
    async for record in database[TASKS].find({}, {"outbox": 0}).batch_size(_AT_ONCE):
        yield record


async def past_events(
    database: Database, task_ids: Sequence[str], since: datetime | None = None
) -> AsyncIterator[PastEvents]:
    """Yield the events of the histories of these tasks: of all entries, or of those recorded since a moment."""
    found = database[TASKS].find({"_id": {"$in": list(task_ids)}}, {"history": 1})
    async for record in found.sort("_id").batch_size(1):
        try:
            yield PastEvents(record["_id"], list(_events(record, since)))
        except (ValueError, KeyError, TypeError) as error:
            yield PastEvents(record["_id"], [], broken=type(error).__name__)


def _events(record: Record, since: datetime | None) -> Iterator[Event[Any]]:
    entries = [to_entry(entry) for entry in record["history"]]
    for stored, (task, entry) in zip(record["history"], states(record["_id"], entries), strict=True):
        if since is None or entry.at >= since:
            yield event_of(task, entry, cause_of(stored))


async def task_ids(database: Database, since: datetime | None = None) -> AsyncIterator[list[str]]:
    """Yield the ids of all tasks, or of those that changed since a moment, in order and in chunks.

    Each chunk is a query of its own: between two of them hours may pass.
    """
    wanted: Record = {} if since is None else {"updated_at": {"$gte": since}}
    after: Record = {}
    while True:
        found = database[TASKS].find({**wanted, **after}, {"_id": 1}).sort("_id").limit(_AT_ONCE)
        ids = [record["_id"] async for record in found]
        if not ids:
            return
        yield ids
        after = {"_id": {"$gt": ids[-1]}}


async def stored_batches(database: Database, before: datetime) -> AsyncIterator[Batch]:
    """Yield every batch whose tasks must exist: those finished, and those left open since before a moment."""
    finished = {"$or": [{"open_since": {"$exists": False}}, {"open_since": {"$lt": before}}]}
    async for record in database[BATCHES].find(finished):
        yield to_stored_batch(record).batch


async def known_among(database: Database, task_ids: list[str]) -> set[str]:
    """Return those of the ids that a task has."""
    found = database[TASKS].find({"_id": {"$in": task_ids}}, {"_id": 1})
    return {record["_id"] async for record in found}
