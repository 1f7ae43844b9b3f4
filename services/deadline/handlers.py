"""Taking in what assignment publishes of a task, and reading the deadline that is watched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.deadline.rules.proof import Proof, proof_of
from services.deadline.rules.watch import Watch, observe
from services.deadline.store import StoredWatch, WatchStore
from shared.clock import Clock
from shared.events.envelope import Event
from shared.events.task import Task, TaskChanged
from shared.messaging.retry import RetryLater
from shared.office.access import Permission, Principal, may_see, require_permission
from shared.office.refusal import Code, Refusal
from shared.office.timeliness import horizon, timeliness
from shared.office.vocabulary import Timeliness
from shared.office.workdays import WorkCalendar

_TRIES: Final = 32


class Observer:
    """Takes in the events of tasks: the highest sequence of a task counts, in whatever order the events arrive."""

    def __init__(self, store: WatchStore, calendar: WorkCalendar) -> None:
        self._store = store
        self._calendar = calendar

    async def take_in(self, event: Event[TaskChanged]) -> None:
        """Watch the task in its new state.

        Raises:
            RetryLater: other writers keep changing the same record.

        """
        for _ in range(_TRIES):
            found = await self._store.find(event.data.task.id)
            watch = observe(found.watch() if found else None, event.data.task, event.time)
            if watch is None or await self._save(found, watch):
                return
        raise RetryLater(f"task {event.data.task.id} changes too often")

    async def _save(self, found: StoredWatch | None, watch: Watch) -> bool:
        following = watch.next_moment(self._calendar)
        if found is None:
            return await self._store.insert_if_absent(watch, following)
        return await self._store.replace_if_unchanged(found, watch, following)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A task's deadline at this moment; `proof` runs from the day it was assigned to the day its term ends."""

    task: Task
    timeliness: Timeliness
    next_moment: datetime | None
    proof: Proof


class DeadlineReader:
    """Reads the deadlines that are watched, each with the count of days that proves it."""

    def __init__(self, store: WatchStore, clock: Clock, calendar: WorkCalendar) -> None:
        self._store = store
        self._clock = clock
        self._calendar = calendar

    async def read(self, caller: Principal, task_id: str) -> Deadline:
        """Return the deadline of a task within the caller's sight."""
        require_permission(caller, Permission.READ_TASKS)
        found = await self._store.find(task_id)
        watch = _require_visible(caller, found.watch() if found else None)
        following = watch.next_moment(self._calendar)
        return Deadline(
            task=watch.task,
            timeliness=self._timeliness(watch.task),
            next_moment=following.at if following else None,
            proof=await self._proof(watch.task),
        )

    def _timeliness(self, task: Task) -> Timeliness:
        at = horizon(self._clock.now(), self._calendar, self._calendar.policy)
        return timeliness(task.stage, task.due_at, task.current_submission, at)

    async def _proof(self, task: Task) -> Proof:
        """Count in a thread: a deadline of the past may lie decades ahead, and each year of it is worked out once."""
        if task.due_at is None:
            return Proof()
        start, end = map(self._calendar.local_day, (task.assigned_at, task.due_at))
        return await asyncio.to_thread(proof_of, self._calendar, start, end)


def _require_visible(caller: Principal, watch: Watch | None) -> Watch:
    if watch is None or not may_see(caller, watch.task):
        raise Refusal(Code.NOT_FOUND)
    return watch
