"""The events that assignment subscribes to: deadline tells that a task's due moment has passed."""

from __future__ import annotations

from services.assignment.tasks.handlers import TaskHandlers
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event
from shared.events.names import deadline_event
from shared.messaging.router import EventRouter, named


def consumers(handlers: TaskHandlers) -> EventRouter:
    router = EventRouter("assignment")

    @router.events(filter=named(deadline_event("missed")))
    async def deadline_missed(event: Event[DeadlineReached]) -> None:
        if event.data.due_at is not None:
            await handlers.record_miss(event.data.task_id, event.data.due_at)

    return router
