"""What each service may publish to the exchange of events: the events of its own, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.messaging.topology import EXCHANGE

_PUBLISHES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "assignment": r"^(task|agency|account)\.",
        "deadline": r"^deadline\.",
        "notification": "^$",
        "reporting": "^$",
    }
)
"""The routing keys, as regular expressions; `^$` matches none that is used."""


def topic_rights(service: str) -> dict[str, str]:
    """Return the topic permission of a service's user, as RabbitMQ's management API and definitions have it."""
    return {"exchange": EXCHANGE, "write": _PUBLISHES[service], "read": ".*"}
