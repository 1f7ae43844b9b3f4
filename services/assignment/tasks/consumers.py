"""What tasks take from the other services: that a deadline has passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.events.deadline import DeadlineReached
from shared.events.names import deadline_event

if TYPE_CHECKING:
    from services.assignment.tasks.handlers import TaskHandlers
    from shared.events.envelope import Event
    from shared.messaging.consumer import Handler


def task_consumers(handlers: TaskHandlers) -> Mapping[str, Handler]:
    async def deadline_missed(event: Event[Any]) -> None:
        reached: DeadlineReached = event.data
        if reached.due_at is not None:
            await handlers.record_miss(reached.task_id, reached.due_at)

    return {deadline_event("missed"): deadline_missed}
