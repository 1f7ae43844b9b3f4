"""Which events the service takes in, each with one handler call."""

from __future__ import annotations

from collections.abc import Mapping

from services.notification.handlers import Notifier
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, DEADLINE_KINDS, TASK_FACTS, deadline_event, task_event
from shared.messaging.consumer import Handler


def handlers(notifier: Notifier) -> Mapping[str, Handler]:
    """Return a handler for each event that tells of a task, or of somebody to be told."""
    return {
        **dict.fromkeys(map(task_event, TASK_FACTS), notifier.tell),
        **dict.fromkeys(map(deadline_event, DEADLINE_KINDS), notifier.tell),
        AGENCY_CHANGED: notifier.learn_agency,
        ACCOUNT_CHANGED: notifier.learn_person,
    }
