"""What the services subscribe to: each handler is typed with the payload of the events that its filter matches."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from services.assignment.tasks.consumers import consumers as assignment
from services.deadline.consumers import consumers as deadline
from services.notification.consumers import consumers as notification
from services.reporting.consumers import consumers as reporting
from shared.events.envelope import Event
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, DATA_OF, DEADLINE_EVENTS, TASK_EVENTS
from shared.messaging.router import EventRouter

SUBSCRIBED = {
    assignment: {"deadline.missed.v1"},
    deadline: {*TASK_EVENTS},
    notification: {*TASK_EVENTS, *DEADLINE_EVENTS, AGENCY_CHANGED, ACCOUNT_CHANGED},
    reporting: {*TASK_EVENTS, AGENCY_CHANGED, ACCOUNT_CHANGED},
}


@pytest.mark.parametrize("consumers", SUBSCRIBED, ids=lambda consumers: consumers.__module__)
async def test_each_handler_is_typed_with_the_payload_of_its_events(consumers: Callable[[Any], EventRouter]) -> None:
    router = consumers(Mock())
    typed = {name: payload for name in DATA_OF if (payload := await _payload(router, name))}
    assert typed == {name: Event[DATA_OF[name]] for name in SUBSCRIBED[consumers]}  # type: ignore[valid-type]


async def _payload(router: EventRouter, name: str) -> Any:
    """Return how the handler that gets the events of this name types them; None if no handler gets them."""

    async def decode() -> Any:
        return SimpleNamespace(type=name)

    message: Any = SimpleNamespace(decode=decode)
    for call in router.events.calls:
        if await call.filter(message):
            return inspect.get_annotations(call.handler._declared_call, eval_str=True)["event"]
    return None
