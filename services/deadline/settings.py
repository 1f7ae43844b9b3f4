"""The settings of deadline: `DEADLINE_*`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class DeadlineSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEADLINE_")

    port: Annotated[int, Field(ge=0, le=65_535)] = 8002
    poll_interval: Annotated[float, Field(gt=0, le=60)] = 0.25
    """Seconds between two queries for moments that have come, while there are none."""
    batch: Annotated[int, Field(ge=1, le=1_000)] = 100
    """How many tasks the monitor handles in one step."""
    quiet_seconds: Annotated[float, Field(ge=0, le=3_600)] = 30
    """For how long the queue must have been empty, after a start or an outage of the broker, before anything is
    announced; it is longer than the others take to connect again and to publish what waits."""
