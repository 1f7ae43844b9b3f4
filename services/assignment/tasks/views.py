"""What answers show: a task, a task of a list, its history, a batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from services.assignment.tasks.rules.state import Task
from shared.events import task as wire
from shared.events.envelope import Frozen, Moment
from shared.office.timeliness import Horizon, timeliness, working_days_left
from shared.office.vocabulary import Timeliness, WaitKind
from shared.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.assignment.tasks.rules.batch import Batch
    from shared.mongo import Record
    from shared.office.workdays import WorkCalendar


class _Now(Frozen):
    """What every answer says of a task at this moment, and of the caller; none of it is stored."""

    timeliness: Timeliness
    working_days_left: int | None = Field(
        None,
        description="Today is not counted. Negative while the task is overdue; null without a deadline, or if closed.",
    )
    waiting_for: tuple[WaitKind, ...] = Field((), description="What the task waits for from the caller.")
    waiting_since: Moment | None = Field(None, description="When it began to; of several, the first.")
    replaced_by: str | None = None


class TaskView(_Now, wire.Task):
    """A task at this moment. `allowed_acts`: what the caller may do. `batch_size`: how many tasks its batch has."""

    batch_size: int | None = None
    allowed_acts: tuple[str, ...] = ()


class TaskBriefView(_Now, wire.TaskBrief):
    """A task in a list: without its texts, its requests and what the caller may do. `briefs.py` writes it."""


class WorkView(BaseModel):
    """How many tasks wait for the caller, in all and for each thing; how many of the caller's wait for others.

    `due_soon`, `due_today` and `overdue` count the open tasks of the caller's duty.
    """

    waiting: dict[WaitKind, int]
    total: int
    others: int
    due_soon: int
    due_today: int
    overdue: int


class TaskPage(Page[TaskBriefView]):
    """A page of the list. The last two members are there with `count=true` only."""

    total: int = Field(
        default=0, description="How many tasks the filters have on all pages together, counted up to 10,000."
    )
    total_is_exact: bool = Field(default=True, description="False if there are more than 10,000.")


class HistoryPage(BaseModel):
    """A page of the history, oldest first. `by` is `system` for a miss; `at` is when the entry was recorded."""

    items: list[wire.HistoryEntry]
    next_cursor: str | None = None


class BatchTask(BaseModel):
    id: str
    title: str
    lead_agency: str


class BatchView(BaseModel):
    items: list[BatchTask]
    count: int


@dataclass(frozen=True, slots=True)
class Beholder:
    """Who looks at a task, and when: `key` is the one under which tasks wait for this account."""

    key: str
    at: Horizon
    calendar: WorkCalendar


@dataclass(frozen=True, slots=True)
class Beside:
    """What an answer says of a task that does not stand in it."""

    replaced_by: str | None
    batch_size: int | None
    allowed_acts: Sequence[str]


def task_view(task: Task, fields: Record, beholder: Beholder, beside: Beside) -> TaskView:
    """Return a task at a moment; `fields` are its plain fields."""
    value = timeliness(task.stage, task.due_at, task.current_submission, beholder.at)
    waits = [wait for wait in task.waits if wait.key == beholder.key]
    derived = {
        "timeliness": value,
        "working_days_left": working_days_left(value, task.due_at, beholder.at.now, beholder.calendar),
        "waiting_for": [wait.kind for wait in waits],
        "waiting_since": min((wait.since for wait in waits), default=None),
    }
    return TaskView.model_validate({**fields, **derived, **asdict(beside)})


def batch_view(batch: Batch) -> BatchView:
    tasks = [BatchTask(id=task.id, title=task.title, lead_agency=task.lead_agency) for task in batch.planned_tasks()]
    return BatchView(items=tasks, count=len(tasks))
