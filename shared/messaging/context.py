"""What the present work belongs to: the id that joins a request, its events and their logs, and the event behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import structlog
from asgi_correlation_id.context import correlation_id as _correlation_id

if TYPE_CHECKING:
    from shared.events.envelope import Event

_causation_id: ContextVar[str | None] = ContextVar("causation_id", default=None)


def correlation_id() -> str | None:
    """Return the id of the request or of the chain of events that is being worked on; the `correlationid` of events."""
    return _correlation_id.get()


def causation_id() -> str | None:
    """Return the id of the event that is being handled, if one is; the `causationid` of what it brings about."""
    return _causation_id.get()


@contextmanager
def handling(event: Event[Any]) -> Iterator[None]:
    """Let what happens inside, and its logs, belong to `event`."""
    correlation = event.correlationid or event.id
    correlated, caused = _correlation_id.set(correlation), _causation_id.set(event.id)
    try:
        with structlog.contextvars.bound_contextvars(
            correlation_id=correlation, event_id=event.id, event_type=event.type
        ):
            yield
    finally:
        _causation_id.reset(caused)
        _correlation_id.reset(correlated)
