"""What the service does with an event of a task: load, decide, save."""

from __future__ import annotations

from typing import Final

from services.deadline.rules.watch import Watch, observe
from services.deadline.store import StoredWatch, WatchStore
from shared.events.envelope import Event
from shared.events.task import TaskChanged
from shared.messaging.retry import RetryLater
from shared.office.workdays import WorkCalendar

_TRIES: Final = 32


class Observer:
    """Takes in what assignment tells of its tasks: the highest sequence of a task counts, whatever the order."""

    def __init__(self, store: WatchStore, calendar: WorkCalendar) -> None:
        self._store = store
        self._calendar = calendar

    async def take_in(self, event: Event[TaskChanged]) -> None:
        """Watch the task as it now stands.

        Raises:
            RetryLater: others keep changing the same document.

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
