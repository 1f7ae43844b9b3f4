"""The settings of notification: `NOTIFICATION_*`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class NotificationSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_")

    port: Annotated[int, Field(ge=0, le=65_535)] = 8003
    public_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """The address of assignment for people outside; links to tasks begin with it. Without it they are relative."""
