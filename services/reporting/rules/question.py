"""What a summary is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class GroupBy(StrEnum):
    """What the rows of a summary are about; `agency` is the lead agency."""

    AGENCY = "agency"
    ASSIGNER = "assigner"
    DOCUMENT = "document"
    FIELD = "field"
    MONTH = "month"


class PeriodBy(StrEnum):
    """Which moment of a task the period and the month speak of."""

    ASSIGNED = "assigned"
    DUE = "due"
    COMPLETED = "completed"

    @property
    def field(self) -> str:
        return f"{self}_at"


@dataclass(frozen=True, slots=True)
class Question:
    """A request for a summary. The period is in local days, both inclusive; `lead_agency` restricts whose tasks count.

    Without `as_of` the newest versions are counted; with it, what was recorded by then.
    """

    group_by: GroupBy
    period_by: PeriodBy = PeriodBy.ASSIGNED
    first_day: date | None = None
    last_day: date | None = None
    as_of: datetime | None = None
    lead_agency: str | None = None
