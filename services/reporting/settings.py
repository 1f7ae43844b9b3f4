"""The settings of reporting: `REPORTING_*`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REPORTING_")

    port: Annotated[int, Field(ge=0, le=65_535)] = 8004
    figures_keep_seconds: Annotated[float, Field(ge=0, le=3_600)] = 10
    """For how many seconds the figures for Prometheus are used before a scrape counts them again."""
