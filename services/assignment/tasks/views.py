"""What answers show: a task, a task of a list, its history, a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from services.assignment.tasks.rules.state import Task
from shared.events import task as wire
from shared.office.timeliness import Horizon, timeliness
from shared.office.vocabulary import Timeliness
from shared.web.pages import Page

if TYPE_CHECKING:
    from services.assignment.tasks.rules.batch import Batch
    from shared.mongo import Record


class TaskView(wire.Task):
    """A task at this moment: `timeliness` and `allowed_acts` (the caller's) are derived, never stored."""

    timeliness: Timeliness
    replaced_by: str | None = None
    allowed_acts: tuple[str, ...] = ()


class TaskBriefView(wire.TaskBrief):
    """A task in a list: without its texts, its requests and what the caller may do. `briefs.py` writes it."""

    timeliness: Timeliness
    replaced_by: str | None = None


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


def task_view(task: Task, fields: Record, at: Horizon, replaced_by: str | None, acts: list[str]) -> TaskView:
    """Return a task at a moment; `fields` are its plain fields."""
    derived = {
        "timeliness": timeliness(task.stage, task.due_at, task.current_submission, at),
        "replaced_by": replaced_by,
        "allowed_acts": acts,
    }
    return TaskView.model_validate({**fields, **derived})


def batch_view(batch: Batch) -> BatchView:
    tasks = [BatchTask(id=task.id, title=task.title, lead_agency=task.lead_agency) for task in batch.planned_tasks()]
    return BatchView(items=tasks, count=len(tasks))
