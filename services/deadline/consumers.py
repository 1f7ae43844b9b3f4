"""Which events the service takes in, each with one handler call."""

from __future__ import annotations

from collections.abc import Mapping

from services.deadline.handlers import Observer
from shared.events.names import TASK_FACTS, task_event
from shared.messaging.consumer import Handler


def handlers(observer: Observer) -> Mapping[str, Handler]:
    """Return the handler of every event of a task: whatever the act, the whole task comes with it."""
    return {task_event(act): observer.take_in for act in TASK_FACTS}
