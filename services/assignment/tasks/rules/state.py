"""The state of a task, and the history entries that made it. All values are frozen; nothing here decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.assignment.tasks.rules.particulars import Document, IsoDay, Particulars
from shared.office.vocabulary import (
    Authority,
    Cause,
    DueKind,
    ExplanationState,
    ExtensionState,
    ReportState,
    RequestState,
    Role,
    Stage,
    WaitKind,
)

SYSTEM = "system"
"""Who records what time, or a change of an account, has brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    percent: int
    at: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRequest:
    """One request; `new_due_kind` says whether a day or a moment was asked for, which no event carries."""

    id: str
    state: RequestState
    asked_at: datetime
    from_deadline: IsoDay | None
    new_deadline: IsoDay | None
    new_due_kind: DueKind
    new_due_at: datetime
    reason: str
    decided_at: datetime | None = None
    decided_by: str | None = None
    decision_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    state: ExtensionState = ExtensionState.NONE
    requests: tuple[ExtensionRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The last report. `returns` counts how often a report of this task was sent back."""

    state: ReportState = ReportState.NONE
    submitted_at: datetime | None = None
    summary: str | None = None
    finished_on: IsoDay | None = None
    document: Document | None = None
    decided_at: datetime | None = None
    returns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The last explanation. `refusals` counts how often an explanation of this task was not accepted."""

    state: ExplanationState = ExplanationState.NONE
    required_at: datetime | None = None
    due_at: datetime | None = None
    cause: Cause | None = None
    narrative: str | None = None
    remedy: str | None = None
    expected_finish: IsoDay | None = None
    document: Document | None = None
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    directive: str | None = None
    refusals: int = 0


class Quota(StrEnum):
    """A kind of entry of which a task takes so many; each belongs to one side, but contributions to many agencies."""

    CORRECTIONS = "corrections"
    REASSIGNMENTS = "reassignments"
    DELEGATIONS = "delegations"
    PROGRESS = "progress"
    CONTRIBUTIONS = "contributions"
    URGINGS = "urgings"
    URGINGS_OF_MONITOR = "urgings_of_monitor"
    REQUESTS = "requests"
    RETURNS = "returns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was used of a quota: entries, and bytes of texts. Contributions have one for each `agency`."""

    quota: Quota
    agency: str | None = None
    entries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """That a task waits for something from those whose key this is (`rules/waiting.py`), and since when."""

    key: str
    kind: WaitKind
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Particulars):
    """A task without its history. No event carries the last three.

    `officer_left` says that the last officer left the agency, and nobody was handed the task since; `waits` says from
    whom the task waits for what; `tally` bounds the history.
    """

    id: str
    version: int
    stage: Stage
    authority: Authority | None
    assigner: str
    entered_by: str
    lead_agency: str
    assigned_at: datetime
    updated_at: datetime
    receipt_due_at: datetime
    deadline: IsoDay | None
    due_kind: DueKind
    due_at: datetime | None
    original_deadline: IsoDay | None
    original_due_at: datetime | None
    deadline_text: str | None
    replaces: str | None
    batch: str | None
    extension: Extension
    officer: str | None = None
    received_at: datetime | None = None
    report_due_at: datetime | None = None
    missed_at: datetime | None = None
    progress: Progress | None = None
    report: Report = Report()
    explanation: Explanation = Explanation()
    completed_at: datetime | None = None
    imported: bool = False
    urgings: int = 0
    contributions: int = 0
    officer_left: bool = False
    waits: tuple[Wait, ...] = ()
    tally: tuple[Tally, ...] = ()

    @property
    def pending_request(self) -> ExtensionRequest | None:
        """The one extension request that waits for a decision."""
        waiting = self.extension.state is ExtensionState.PENDING
        return self.extension.requests[-1] if waiting else None

    @property
    def current_submission(self) -> datetime | None:
        """When the current report (submitted or accepted, not returned) was submitted."""
        is_current = self.report.state in {ReportState.SUBMITTED, ReportState.ACCEPTED}
        return self.report.submitted_at if is_current else None

    @property
    def is_open(self) -> bool:
        """Whether something may still be done to carry it out: neither completed nor recalled."""
        return self.stage not in {Stage.COMPLETED, Stage.RECALLED}

    def is_past_due(self, now: datetime) -> bool:
        """Whether the due moment has passed; the due moment itself is still in time."""
        return self.due_at is not None and now > self.due_at


@dataclass(frozen=True, slots=True)
class Fact:
    """What a rule answers: what is to be recorded, before it has its place in the history."""

    name: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One version of the task: who (in the role held then), when, what. Its details are enough to replay it.

    `act` is the contract's word for the name of the fact.
    """

    sequence: int
    at: datetime
    act: str
    by: str
    role: Role | None = None
    agency: str | None = None
    acting_for: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
