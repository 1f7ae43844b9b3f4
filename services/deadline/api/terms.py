"""`/v1/terms`: the day on which a term of working days ends, counted day by day."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.deadline.api.days import DayAnswer, days_of
from shared.office.access import Permission, require_permission
from shared.office.workdays import WorkCalendar
from shared.web import fields
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.route import api_router

Start = Annotated[fields.DayField, Query(alias="from", description="The starting day, which is not counted.")]
WorkingDays = Annotated[int, Query(ge=0, le=1_000), fields.QueryNumber]


class TermAnswer(BaseModel):
    """A term and the count that proves it."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    start: dt.date = Field(serialization_alias="from")
    working_days: int
    due: dt.date
    days: list[DayAnswer]


def terms_router(calendar: WorkCalendar) -> APIRouter:
    router = api_router("/v1/terms", ["terms"])

    @router.get("", response_model=TermAnswer)
    async def count_term(caller: Caller, start: Start, working_days: WorkingDays) -> Response:
        """Count a term of working days from the day it starts."""
        require_permission(caller, Permission.READ_CALENDAR)
        due = calendar.add_working_days(start, working_days)
        days = days_of(calendar, start, due)
        return as_json(TermAnswer(start=start, working_days=working_days, due=due, days=days))

    return router
