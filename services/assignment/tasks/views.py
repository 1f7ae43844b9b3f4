"""Tasks, history and batches as the API answers with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from services.assignment.tasks.rules.state import Task
from shared.events import task as wire
from shared.events.envelope import Frozen, Moment
from shared.office.timeliness import Horizon, timeliness
from shared.office.vocabulary import (
    DueKind,
    ExplanationState,
    ExtensionState,
    Priority,
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


class BriefDocument(Frozen):
    number: str
    issued_on: str | None = None


class BriefProgress(Frozen):
    percent: int
    at: Moment


class BriefExtension(Frozen):
    state: ExtensionState


class BriefReport(Frozen):
    state: ReportState
    submitted_at: Moment | None = None
    finished_on: str | None = None
    decided_at: Moment | None = None
    returns: int = 0


class BriefExplanation(Frozen):
    state: ExplanationState
    required_at: Moment | None = None
    due_at: Moment | None = None
    submitted_at: Moment | None = None
    decided_at: Moment | None = None


class TaskBrief(Frozen):
    """A task in a list: without its texts, its requests and what the caller may do."""

    id: str
    version: int
    stage: Stage
    timeliness: Timeliness
    title: str
    document: BriefDocument | None = None
    field: str | None = None
    priority: Priority
    authority: str | None = None
    assigner: str
    entered_by: str
    lead_agency: str
    coordinating_agencies: tuple[str, ...] = ()
    monitor: str | None = None
    officer: str | None = None
    assigned_at: Moment
    updated_at: Moment
    received_at: Moment | None = None
    receipt_due_at: Moment
    report_due_at: Moment | None = None
    deadline: str | None = None
    due_kind: DueKind
    due_at: Moment | None = None
    original_deadline: str | None = None
    original_due_at: Moment | None = None
    missed_at: Moment | None = None
    progress: BriefProgress | None = None
    extension: BriefExtension
    report: BriefReport
    explanation: BriefExplanation
    completed_at: Moment | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    batch: str | None = None
    imported: bool = False
    urgings: int = 0
    contributions: int = 0


class HistoryPage(BaseModel):
    """Oldest first; `by` is `system` for a miss, and `at` is when an entry was recorded."""

    items: list[wire.HistoryEntry]
    next_cursor: str | None = None


class BatchTask(BaseModel):
    id: str
    title: str
    lead_agency: str


class BatchView(BaseModel):
    items: list[BatchTask]
    count: int


def task_view(task: Task, document: Record, at: Horizon, replaced_by: str | None, acts: list[str]) -> TaskView:
    """Return a task at a moment; `document` are its plain fields."""
    derived = {
        "timeliness": timeliness(task.stage, task.due_at, task.current_submission, at),
        "replaced_by": replaced_by,
        "allowed_acts": acts,
    }
    return TaskView.model_validate({**document, **derived})


def brief(document: Record, at: Horizon, replaced_by: str | None) -> TaskBrief:
    """Return a task of a list at a moment."""
    stage = Stage(document["stage"])
    value = timeliness(stage, document["due_at"], _current_submission(document["report"]), at)
    return TaskBrief.model_validate(
        {**document, "id": document["_id"], "timeliness": value, "replaced_by": replaced_by}
    )


def _current_submission(report: dict[str, Any]) -> Any:
    stands = report["state"] in {ReportState.SUBMITTED, ReportState.ACCEPTED}
    return report["submitted_at"] if stands else None


def batch_view(batch: Batch) -> BatchView:
    tasks = [BatchTask(id=part.id, title=part.title, lead_agency=part.lead_agency) for part in batch.parts()]
    return BatchView(items=tasks, count=len(tasks))
