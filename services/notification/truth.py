"""Learns the latest version of each task, and says which reminders it contradicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from services.notification.known_tasks import KnownTasks
from services.notification.metrics import DROPPED
from services.notification.rules.truth import KnownTask, is_untrue
from shared.events.deadline import DeadlineReached
from shared.events.names import kind_of
from shared.events.task import TaskChanged

if TYPE_CHECKING:
    from shared.events.envelope import Event

_LONG_AFTER: Final = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of the tasks, by which reminders are judged."""

    tasks: KnownTasks

    async def learn(self, event: Event[Any]) -> None:
        """Keep what an event says of its task; an event of another kind says nothing of one."""
        if isinstance(event.data, TaskChanged):
            await self.tasks.keep(KnownTask.of(event.data.task))

    async def is_old_news(self, event: Event[Any], now: datetime) -> bool:
        """Whether a `task.*` event comes long after it happened, although a version as late is known already."""
        if not isinstance(event.data, TaskChanged) or now - event.time < _LONG_AFTER:
            return False
        known = await self.tasks.find(event.data.task.id)
        return known is not None and known.sequence >= int(event.sequence)

    async def contradicts(self, event: Event[Any], told_at: datetime) -> bool:
        """Whether an event is a reminder that would not be true any more if it were told at this moment."""
        if not isinstance(event.data, DeadlineReached):
            return False
        known, kind = await self.tasks.find(event.data.task_id), kind_of(event.type)
        if not is_untrue(kind, event.data, told_at, known):
            return False
        DROPPED.labels(kind).inc()
        _log.info("reminder_dropped", event_id=event.id, sequence=event.sequence, known=known and known.sequence)
        return True
