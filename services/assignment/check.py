"""`check`: whether assignment's own database is consistent; the other services are compared with it."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Collection, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from services.assignment.app import OUTBOXES
from services.assignment.settings import AssignmentSettings
from services.assignment.tasks.rules.batch import Batch
from services.assignment.tasks.rules.task import replay
from services.assignment.tasks.store import known_among, stored_batches, stored_tasks, to_entry, unlike
from shared.clock import true_now
from shared.commands.check import Findings, finding_command
from shared.commands.difference import Difference, DifferenceKind
from shared.messaging.outbox import Outbox
from shared.mongo import Database, connect

if TYPE_CHECKING:
    from shared.mongo import Record

_LATE: Final = timedelta(minutes=1)
"""How long an event or a batch may wait before it counts as a difference."""


def compare_task(record: Record) -> Iterator[Difference]:
    """Compare a task with the state that a replay of its history gives."""
    task_id, sequences = record["_id"], [entry["sequence"] for entry in record["history"]]
    if sequences != list(range(1, record["version"] + 1)):
        detail = f"version {record['version']}, but the entries are numbered {_in_short(sequences)}"
        yield Difference(DifferenceKind.BROKEN, task_id, detail)
        return
    try:
        made = replay(task_id, map(to_entry, record["history"]))
    except (ValueError, KeyError, TypeError) as error:
        yield Difference(DifferenceKind.BROKEN, task_id, f"the history cannot be replayed: {type(error).__name__}")
        return
    if names := unlike(record, made):
        yield Difference(
            DifferenceKind.DIFFERS, task_id, f"version {record['version']}: not as replayed: {', '.join(names)}"
        )


def compare_batch(batch: Batch, known: Collection[str]) -> Iterator[Difference]:
    """Report the tasks of a batch that do not exist."""
    absent = [task.id for task, _ in batch.tasks() if task.id not in known]
    if absent:
        detail = f"{len(absent)} of its tasks are not there: {_in_short(absent)}"
        yield Difference(DifferenceKind.UNFINISHED, batch.id, detail)


def compare_outbox(name: str, waiting: int, oldest: datetime | None, now: datetime) -> Iterator[Difference]:
    """Report an outbox whose oldest event has waited too long."""
    if oldest is not None and now - oldest > _LATE:
        seconds = round((now - oldest).total_seconds())
        yield Difference(
            DifferenceKind.WAITING, f"assignment.{name}", f"{waiting} documents, the oldest for {seconds} s"
        )


async def find(settings: AssignmentSettings, _arguments: argparse.Namespace) -> Findings:
    client = connect(settings.mongodb_uri.get_secret_value(), f"{settings.service()}.check")
    database, tasks = client[settings.mongodb_database], 0
    differences: list[Difference] = []
    try:
        async for record in stored_tasks(database):
            tasks += 1
            differences += compare_task(record)
        differences += [found async for found in _beside_tasks(database)]
    finally:
        client.close()
    return Findings(differences, tasks)


async def _beside_tasks(database: Database) -> AsyncIterator[Difference]:
    now = true_now()
    async for batch in stored_batches(database, now - _LATE):
        for found in compare_batch(batch, await known_among(database, [task.id for task, _ in batch.tasks()])):
            yield found
    for name in OUTBOXES:
        for found in compare_outbox(name, *await Outbox(database[name]).depth(), now):
            yield found


def _in_short(items: list[Any]) -> str:
    shown = ", ".join(map(str, items[:10]))
    return f"{shown}, …" if len(items) > 10 else shown  # noqa: PLR2004 - as many as fit in a line


CHECK: Final = finding_command(
    AssignmentSettings, "compare every task with its history, and see what waits for too long", find
)
