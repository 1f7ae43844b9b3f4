"""The correlation id and the causation id of what is being done now: a request, or the handling of an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from asgi_correlation_id.context import correlation_id as _correlation_id

if TYPE_CHECKING:
    from shared.events.envelope import Event

_causation_id: ContextVar[str | None] = ContextVar("causation_id", default=None)


def correlation_id() -> str | None:
    """Return the id that joins a request, the events that follow from it and their logs: `correlationid` in events."""
    return _correlation_id.get()


def causation_id() -> str | None:
    """Return the id of the event that is being handled, if any: `causationid` of the events that follow from it."""
    return _causation_id.get()


class Cause(NamedTuple):
    """The two ids of an event that name its cause."""

    correlationid: str | None = None
    causationid: str | None = None


def current_cause() -> Cause:
    """Return the cause of the events that are made now."""
    return Cause(correlation_id(), causation_id())


@contextmanager
def handling(event: Event[Any]) -> Iterator[None]:
    """Set both ids, and bind them to the logs, while `event` is being handled."""
    correlation = event.correlationid or event.id
    correlated, caused = _correlation_id.set(correlation), _causation_id.set(event.id)
    bound = structlog.contextvars.bind_contextvars(correlation_id=correlation, event_id=event.id, event_type=event.type)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**bound)
        _causation_id.reset(caused)
        _correlation_id.reset(correlated)
