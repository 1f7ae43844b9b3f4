"""The events that deadline subscribes to."""

from __future__ import annotations

from services.deadline.handlers import Observer
from shared.events.envelope import Event
from shared.events.names import TASK_EVENTS
from shared.events.task import TaskChanged
from shared.messaging.router import EventRouter, named


def consumers(observer: Observer) -> EventRouter:
    router = EventRouter("deadline")

    @router.events(filter=named(*TASK_EVENTS))
    async def task_changed(event: Event[TaskChanged]) -> None:
        await observer.take_in(event)

    return router
