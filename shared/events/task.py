"""`task.*`: the whole task as its own history entry left it, and the act that made it so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, field_serializer

from shared.events.envelope import Frozen, Moment, rfc3339
from shared.office.vocabulary import (
    Authority,
    Cause,
    DueKind,
    ExplanationState,
    ExtensionState,
    Priority,
    ReportState,
    RequestState,
    Role,
    Stage,
)


class Document(Frozen):
    """The document that assigns, reports or explains: number, date (`YYYY-MM-DD`), summary."""

    number: str
    issued_on: str | None = None
    summary: str | None = None


class Progress(Frozen):
    percent: int
    note: str | None = None
    at: Moment


class ExtensionRequest(Frozen):
    id: str
    state: RequestState
    asked_at: Moment
    from_deadline: str | None
    new_deadline: str | None
    new_due_at: Moment
    reason: str
    decided_at: Moment | None = None
    decided_by: str | None = None
    decision_reason: str | None = None


class Extension(Frozen):
    state: ExtensionState
    requests: tuple[ExtensionRequest, ...] = ()


class Report(Frozen):
    state: ReportState
    submitted_at: Moment | None = None
    summary: str | None = None
    finished_on: str | None = None
    document: Document | None = None
    decided_at: Moment | None = None
    returns: int = 0


class Explanation(Frozen):
    state: ExplanationState
    required_at: Moment | None = None
    due_at: Moment | None = None
    cause: Cause | None = None
    narrative: str | None = None
    remedy: str | None = None
    expected_finish: str | None = None
    document: Document | None = None
    submitted_at: Moment | None = None
    decided_at: Moment | None = None
    directive: str | None = None


class Task(Frozen):
    """A task without its history. Dates are `YYYY-MM-DD`; agencies are codes, accounts usernames."""

    id: str
    version: int
    stage: Stage
    title: str
    description: str | None = None
    product: str | None = None
    document: Document | None = None
    field: str | None = None
    priority: Priority
    authority: Authority | None = None
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
    deadline_text: str | None = None
    progress: Progress | None = None
    extension: Extension
    report: Report
    explanation: Explanation
    completed_at: Moment | None = None
    replaces: str | None = None
    batch: str | None = None
    imported: bool = False
    urgings: int = 0
    contributions: int = 0

    @property
    def current_submission(self) -> Moment | None:
        """When the report that stands (submitted or accepted) was submitted."""
        stands = self.report.state in {ReportState.SUBMITTED, ReportState.ACCEPTED}
        return self.report.submitted_at if stands else None


class HistoryEntry(Frozen):
    """A history entry: `by` is an account, or `system` for a miss; `details` is what the entry changed."""

    sequence: int
    at: Moment
    act: str
    by: str
    role: Role | None = None
    agency: str | None = None
    acting_for: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)

    @field_serializer("details", when_used="json")
    def _moments_as_everywhere(self, details: dict[str, Any]) -> dict[str, Any]:
        return {key: rfc3339(value) if isinstance(value, datetime) else value for key, value in details.items()}


class TaskChanged(Frozen):
    """The data of every `task.*` event."""

    task: Task
    act: HistoryEntry
