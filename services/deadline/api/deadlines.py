"""`/v1/deadlines`: a task's deadline, and the count of days that proves it."""

from __future__ import annotations

import operator
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.deadline.api.days import DayAnswer
from services.deadline.handlers import Deadline, DeadlineReader
from shared.events.envelope import Moment
from shared.office.refusal import Code
from shared.office.vocabulary import DueKind, Timeliness
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.problems import problem_responses
from shared.web.route import api_router


class MonthAnswer(BaseModel):
    """The days of a term in one month (`YYYY-MM`): how many it counts, and how many are days off."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    month: str
    working_days: int
    days_off: int


class DeadlineAnswer(BaseModel):
    """What is watched of a task.

    `days` runs from the day it was assigned to the day its term ends, and has at most 1,000 days. The rest of a longer
    term is in `months`, which is left out otherwise.
    """

    model_config = ConfigDict(frozen=True)

    task_id: str
    sequence: int
    deadline: str | None
    due_kind: DueKind
    due_at: Moment | None
    timeliness: Timeliness
    next_moment: Moment | None
    days: list[DayAnswer]
    months: list[MonthAnswer] = Field(default_factory=list, exclude_if=operator.not_)

    @classmethod
    def of(cls, found: Deadline) -> Self:
        return cls(
            task_id=found.task.id,
            sequence=found.task.version,
            deadline=found.task.deadline,
            due_kind=found.task.due_kind,
            due_at=found.task.due_at,
            timeliness=found.timeliness,
            next_moment=found.next_moment,
            days=[DayAnswer.model_validate(day) for day in found.proof.days],
            months=[MonthAnswer.model_validate(month) for month in found.proof.months],
        )


def deadlines_router(reader: DeadlineReader) -> APIRouter:
    router = api_router("/v1/deadlines", ["deadlines"])

    @router.get(
        "/{task_id}",
        response_model=DeadlineAnswer,
        responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED),
    )
    async def read_deadline(caller: Caller, task_id: str) -> Response:
        """Show a task's deadline as it is watched, with the count of days."""
        return as_json(DeadlineAnswer.of(await reader.read(caller, task_id)))

    return router
