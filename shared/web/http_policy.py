"""How much time and room connections and requests may take."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=3_600)]
_LONGEST_HEAD: Final = 1_048_576


class HttpPolicy(BaseModel):
    """The bounds on a request and on its connection. All times are in seconds."""

    model_config = ConfigDict(frozen=True)

    budget_seconds: Seconds = 10
    """A request is answered within this time; what is not begun by then is never carried out."""
    head_seconds: Seconds = 10
    """A head is complete within this time: the first one from the connection on, a later one from its first byte on."""
    body_seconds: Seconds = 30
    """A body is complete within this time from its head on."""
    answer_seconds: Seconds = 30
    """A client that reads nothing of its answer for this time is cut off."""
    head_bytes: Annotated[int, Field(ge=1_024, le=_LONGEST_HEAD)] = 32_768
    """The longest head: request line and headers together."""
    connections: Annotated[int, Field(ge=16, le=1_000_000)] = 4_096
    """How many connections are open at the same time."""
    requests_at_once: Annotated[int, Field(ge=1, le=100_000)] = 256
    """How many reads, and how many changes, a service works on at the same time; what comes on top is answered 503."""
    requests_per_account: Annotated[int, Field(ge=1)] = 120_000
    """How many requests an account may send to a service a minute."""
    requests_per_address: Annotated[int, Field(ge=1)] = 600_000
    """How many requests may come from an address to a service a minute; a whole office may share one."""
