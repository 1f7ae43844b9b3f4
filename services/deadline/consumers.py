"""The events that deadline subscribes to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TypeAlias

from services.deadline.handlers import Observer
from shared.events.envelope import Event
from shared.events.names import TASK_EVENTS
from shared.events.task import TaskChanged
from shared.messaging.router import EventRouter, named

TakingIn: TypeAlias = Callable[[datetime], AbstractContextManager[None]]


def _simply(_recorded_at: datetime) -> AbstractContextManager[None]:
    return nullcontext()


def consumers(observer: Observer, taking_in: TakingIn = _simply) -> EventRouter:
    """Subscribe to all that happens to tasks; each event is taken in within `taking_in` of when it was recorded."""
    router = EventRouter("deadline")

    @router.events(filter=named(*TASK_EVENTS))
    async def task_changed(event: Event[TaskChanged]) -> None:
        with taking_in(event.time):
            await observer.take_in(event)

    return router
