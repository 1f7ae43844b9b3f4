"""What answers show: a task, a task of a list, its history, a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from services.assignment.tasks.rules.state import Task
from shared.events import task as wire
from shared.office.timeliness import Horizon, timeliness
from shared.office.vocabulary import (
    ReportState,
    Stage,
    Timeliness,
)

if TYPE_CHECKING:
    from services.assignment.tasks.rules.batch import Batch
    from shared.mongo import Record


class TaskView(wire.Task):
    """A task at this moment: `timeliness` and `allowed_acts` (the caller's) are derived, never stored."""

    timeliness: Timeliness
    replaced_by: str | None = None
    allowed_acts: tuple[str, ...] = ()


class TaskBriefView(wire.TaskBrief):
    """A task in a list: without its texts, its requests and what the caller may do."""

    timeliness: Timeliness
    replaced_by: str | None = None


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


def brief(record: Record, at: Horizon, replaced_by: str | None) -> TaskBriefView:
    """Return a task of a list at a moment."""
    value = timeliness(Stage(record["stage"]), record["due_at"], _current_submission(record["report"]), at)
    return TaskBriefView.model_validate(
        {**record, "id": record["_id"], "timeliness": value, "replaced_by": replaced_by}
    )


def _current_submission(report: dict[str, Any]) -> Any:
    is_current = report["state"] in {ReportState.SUBMITTED, ReportState.ACCEPTED}
    return report["submitted_at"] if is_current else None


def batch_view(batch: Batch) -> BatchView:
    tasks = [BatchTask(id=task.id, title=task.title, lead_agency=task.lead_agency) for task in batch.planned_tasks()]
    return BatchView(items=tasks, count=len(tasks))
