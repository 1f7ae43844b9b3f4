"""`task.*`: the whole task as its history entry left it, and that entry."""

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


class DocumentBrief(Frozen):
    """A document by its number and date (`YYYY-MM-DD`)."""

    number: str
    issued_on: str | None = None


class Document(DocumentBrief):
    """The document that assigns, reports or explains, with its summary."""

    summary: str | None = None


class ProgressBrief(Frozen):
    percent: int
    at: Moment


class Progress(ProgressBrief):
    note: str | None = None


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


class ExtensionBrief(Frozen):
    state: ExtensionState


class Extension(ExtensionBrief):
    requests: tuple[ExtensionRequest, ...] = ()


class ReportBrief(Frozen):
    state: ReportState
    submitted_at: Moment | None = None
    finished_on: str | None = None
    decided_at: Moment | None = None
    returns: int = 0


class Report(ReportBrief):
    summary: str | None = None
    document: Document | None = None


class ExplanationBrief(Frozen):
    state: ExplanationState
    required_at: Moment | None = None
    due_at: Moment | None = None
    submitted_at: Moment | None = None
    decided_at: Moment | None = None


class Explanation(ExplanationBrief):
    cause: Cause | None = None
    narrative: str | None = None
    remedy: str | None = None
    expected_finish: str | None = None
    document: Document | None = None
    directive: str | None = None


class TaskBrief(Frozen):
    """A task without its texts and requests, as a list shows it. Dates are `YYYY-MM-DD`.

    Agencies are named by their codes, accounts by their usernames.
    """

    id: str
    version: int
    stage: Stage
    title: str
    document: DocumentBrief | None = None
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
    progress: ProgressBrief | None = None
    extension: ExtensionBrief
    report: ReportBrief
    explanation: ExplanationBrief
    completed_at: Moment | None = None
    replaces: str | None = None
    batch: str | None = None
    imported: bool = False
    urgings: int = 0
    contributions: int = 0

    @property
    def current_submission(self) -> Moment | None:
        """When the current report (submitted or accepted, not returned) was submitted."""
        is_current = self.report.state in {ReportState.SUBMITTED, ReportState.ACCEPTED}
        return self.report.submitted_at if is_current else None


class Task(TaskBrief):
    """A task without its history: what a brief has, and the texts and requests."""

    description: str | None = None
    product: str | None = None
    deadline_text: str | None = None
    document: Document | None = None
    progress: Progress | None = None
    extension: Extension
    report: Report
    explanation: Explanation


class HistoryEntry(Frozen):
    """A history entry: `act` names the fact; `by` is an account, or `system` for a miss; `details` is what changed."""

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
