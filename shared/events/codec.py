"""Events to bytes and back."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import ValidationError

from shared.events.envelope import Event
from shared.events.names import DATA_OF

_MODELS = {name: Event[data] for name, data in DATA_OF.items()}  # type: ignore[valid-type]


class UnreadableEventError(Exception):
    """The bytes are no event of a known name: trying again will not help."""


def encode(event: Event[Any]) -> bytes:
    return event.model_dump_json().encode()


def decode(body: bytes) -> Event[Any]:
    """Read an event.

    Raises:
        UnreadableEventError: the bytes are no JSON, name no known event, or break its contract.

    """
    try:
        name = orjson.loads(body)["type"]
        return _MODELS[name].model_validate_json(body)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError) as error:
        raise UnreadableEventError(str(error)) from error
