"""`/v1/deadlines`: a task's deadline, and the count of days that proves it."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.deadline.api.days import DayAnswer
from services.deadline.handlers import Deadline, DeadlineReader
from shared.events.envelope import Moment
from shared.office.refusal import Code
from shared.office.vocabulary import DueKind, Timeliness
from shared.web.auth import Caller
from shared.web.problems import problem_responses
from shared.web.route import api_router


class DeadlineAnswer(BaseModel):
    """What is watched of a task; `days` runs from the day it was assigned to the day its term ends."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    sequence: int
    deadline: str | None
    due_kind: DueKind
    due_at: Moment | None
    timeliness: Timeliness
    next_moment: Moment | None
    days: list[DayAnswer]

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
            days=[DayAnswer.model_validate(day) for day in found.days],
        )


def deadlines_router(reader: DeadlineReader) -> APIRouter:
    router = api_router("/v1/deadlines", ["deadlines"])

    @router.get("/{task_id}", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED))
    async def read_deadline(caller: Caller, task_id: str) -> DeadlineAnswer:
        """Show a task's deadline as it is watched, with the count of days."""
        return DeadlineAnswer.of(await reader.read(caller, task_id))

    return router
