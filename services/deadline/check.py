"""`check`: whether every task is watched in its current state at assignment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

from pydantic import ValidationError

from services.deadline.settings import DeadlineSettings
from services.deadline.store import StoredWatch, WatchStore
from shared.commands.assignment import Assignment
from shared.commands.difference import Difference, DifferenceKind, missed
from shared.events.task import HistoryEntry, Task
from shared.mongo import connect


def compare_task(task: Task | None, watched: Task | None, history: Sequence[HistoryEntry]) -> list[Difference]:
    """Compare a task with its watch; `history` is needed only when the watch lags behind."""
    if task is None:
        return [Difference(DifferenceKind.UNKNOWN, watched.id, "watched, but not at assignment")] if watched else []
    known = watched.version if watched else 0
    if known < task.version:
        state = f"watched as of version {known}" if watched else "not watched"
        return missed(task.id, history, range(known + 1, task.version + 1), state)
    if known > task.version:
        return [Difference(DifferenceKind.AHEAD, task.id, f"version {known} here, {task.version} at assignment")]
    names = [name for name in Task.model_fields if getattr(task, name) != getattr(watched, name)]
    return [Difference(DifferenceKind.DIFFERS, task.id, f"version {known}: {', '.join(names)}")] if names else []


class WatchComparison:
    """Compares the watches with assignment's tasks."""

    def __init__(self, store: WatchStore, assignment: Assignment) -> None:
        self._store = store
        self._assignment = assignment

    def known_tasks(self) -> AsyncIterator[str]:
        return self._store.task_ids()

    async def of_directory(self) -> Sequence[Difference]:
        """Return nothing: deadline has no copy of the directory."""
        return ()

    async def of_task(self, task_id: str) -> Sequence[Difference]:
        task = await self._assignment.task(task_id)
        found = await self._store.find(task_id)
        try:
            watched = _task_of(found) if found else None
        except (ValidationError, KeyError):
            return [Difference(DifferenceKind.DIFFERS, task_id, "what is watched cannot be read")]
        lags = task is not None and (watched is None or watched.version < task.version)
        return compare_task(task, watched, await self._assignment.history(task_id) if lags else ())


def _task_of(found: StoredWatch) -> Task:
    return found.watch().task


@asynccontextmanager
async def comparison(settings: DeadlineSettings, assignment: Assignment) -> AsyncIterator[WatchComparison]:
    with closing(connect(settings.mongodb_uri.get_secret_value(), f"{settings.service()}.check")) as client:
        yield WatchComparison(WatchStore(client[settings.mongodb_database]), assignment)
