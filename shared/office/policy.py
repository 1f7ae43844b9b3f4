"""The office's policy: terms and reminders, the same for every service."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

Days = Annotated[int, Field(ge=0, le=366)]


class Policy(BaseModel):
    """The office's policy, with its defaults.

    Terms are counted in working days. `remind_before` lists the numbers of working days before the due day on which
    a reminder is sent. `day_starts` is the local hour at which the reminders of a day are due.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timezone: str = "Asia/Ho_Chi_Minh"
    rolls_over_days_off: bool = True
    receipt_term: Days = 1
    report_term: Days = 1
    explanation_term: Days = 3
    due_soon_days: Days = 3
    remind_before: tuple[Days, ...] = (3, 1)
    day_starts: Annotated[int, Field(ge=0, le=23)] = 7

    @field_validator("timezone")
    @classmethod
    def _require_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("not the name of a time zone, such as Asia/Ho_Chi_Minh") from None
        return name
