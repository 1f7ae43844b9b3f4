"""A task's deadline, and the count of days that proves it."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.deadline.api.days import DayAnswer, days_of
from services.deadline.rules.watch import Watch
from services.deadline.store import WatchStore
from shared.clock import Clock
from shared.events.envelope import Moment
from shared.events.task import Task
from shared.office.access import Permission, Principal, may_see, require_permission
from shared.office.refusal import Code, Refusal
from shared.office.timeliness import horizon, timeliness
from shared.office.vocabulary import DueKind, Timeliness
from shared.office.workdays import WorkCalendar
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


def deadlines_router(store: WatchStore, clock: Clock, calendar: WorkCalendar) -> APIRouter:
    router = api_router(prefix="/v1/deadlines", tags=["deadlines"])

    @router.get("/{task_id}", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED))
    async def read_deadline(caller: Caller, task_id: str) -> DeadlineAnswer:
        """Show a task's deadline as it is watched, with the count of days."""
        require_permission(caller, Permission.READ_TASKS)
        watch = await _seen(store, caller, task_id)
        following = watch.next_moment(calendar)
        return DeadlineAnswer(
            task_id=watch.task.id,
            sequence=watch.task.version,
            deadline=watch.task.deadline,
            due_kind=watch.task.due_kind,
            due_at=watch.task.due_at,
            timeliness=_timeliness(watch.task, clock, calendar),
            next_moment=following and following.at,
            days=_days(watch.task, calendar),
        )

    return router


async def _seen(store: WatchStore, caller: Principal, task_id: str) -> Watch:
    found = await store.find(task_id)
    watch = found.watch() if found else None
    if watch is None or not may_see(caller, watch.task):
        raise Refusal(Code.NOT_FOUND)
    return watch


def _timeliness(task: Task, clock: Clock, calendar: WorkCalendar) -> Timeliness:
    at = horizon(clock.now(), calendar, calendar.policy)
    return timeliness(task.stage, task.due_at, task.current_submission, at)


def _days(task: Task, calendar: WorkCalendar) -> list[DayAnswer]:
    if task.due_at is None:
        return []
    return days_of(calendar, calendar.local_day(task.assigned_at), calendar.local_day(task.due_at))
