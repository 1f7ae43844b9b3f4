"""The days of a term in an answer."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from shared.office.workdays import WorkCalendar


class DayAnswer(BaseModel):
    """A day, whether the term counts it, and why or why not, in Vietnamese."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    date: date
    counted: bool
    reason: str


def days_of(calendar: WorkCalendar, start: date, end: date) -> list[DayAnswer]:
    return [DayAnswer.model_validate(day) for day in calendar.count(start, end)]
