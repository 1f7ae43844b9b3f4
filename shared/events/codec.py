"""Encodes events to bytes, and decodes them."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import ValidationError

from shared.events.envelope import Event, Frozen
from shared.events.names import DATA_OF

_MODELS = {name: Event[data] for name, data in DATA_OF.items()}  # type: ignore[valid-type]
_ANY = Event[Frozen]


class UnreadableEventError(Exception):
    """The bytes are no event, or break the contract of the event they name. A retry does not help."""


class UnknownEventError(Exception):
    """An event with an unknown name. A later version of the service may know it, so a retry may help."""


def encode(event: Event[Any]) -> bytes:
    return event.model_dump_json().encode()


def decode(body: bytes) -> Event[Any]:
    """Read an event.

    Raises:
        UnreadableEventError: the bytes are no JSON, no CloudEvent, or break the contract of the event they name.
        UnknownEventError: they are an event, but of no known name.

    """
    try:
        name = orjson.loads(body)["type"]
        event = _MODELS.get(name, _ANY).model_validate_json(body)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError) as error:
        raise UnreadableEventError(str(error)) from error
    if name not in _MODELS:
        raise UnknownEventError(f"no event named {name} is known to this version")
    return event
