"""Reporting the result, and the decision that closes the task or sends it back to work."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.days import require_finished, require_issued
from services.assignment.tasks.rules.extension import lapse
from services.assignment.tasks.rules.particulars import Document, IsoDay
from services.assignment.tasks.rules.reason import require_reason
from services.assignment.tasks.rules.state import Fact, HistoryEntry, Report, Task
from services.assignment.tasks.rules.work import report_due
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import ExplanationState, ReportState, Stage

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class SubmitReport(Command):
    summary: str
    finished_on: IsoDay | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class DecideReport(Command):
    """A return needs its reason."""

    accepted: bool
    reason: str | None = None


def submit_report(task: Task, command: SubmitReport, context: Context) -> Fact:
    require_finished(command.finished_on, task, context)
    require_issued(command.document, context)
    return Fact("reported", asdict(command))


def reported(task: Task, entry: HistoryEntry) -> Task:
    """Put the report before the decider. In time, it lets a pending request lapse; later, the request still waits."""
    details = entry.details
    report = Report(
        state=ReportState.SUBMITTED,
        submitted_at=entry.at,
        summary=details["summary"],
        finished_on=details["finished_on"],
        document=Document.of(details["document"]),
        returns=task.report.returns,
    )
    before = task if task.is_past_due(entry.at) else lapse(task)
    return replace(before, stage=Stage.REPORTED, report=report, report_due_at=None)


def why_not_decide(task: Task, _context: Context) -> Code | None:
    """Return `extension-pending` while a request waits: it is decided before the report."""
    return None if task.pending_request is None else Code.EXTENSION_PENDING


def decide_report(task: Task, command: DecideReport, context: Context) -> Fact:
    return _accept(task, command) if command.accepted else _return(task, command, context)


def _accept(task: Task, command: DecideReport) -> Fact:
    explained = task.explanation.state in {ExplanationState.SUBMITTED, ExplanationState.ACCEPTED}
    if task.missed_at is not None and not explained:
        raise Refusal(Code.EXPLANATION_REQUIRED)
    return Fact("completed", {"reason": command.reason})


def _return(task: Task, command: DecideReport, context: Context) -> Fact:
    reason = require_reason(command.reason)
    percent = task.progress.percent if task.progress else 0
    return Fact("report_returned", {"reason": reason, "report_due_at": report_due(None, percent, context)})


def completed(task: Task, entry: HistoryEntry) -> Task:
    report = replace(task.report, state=ReportState.ACCEPTED, decided_at=entry.at)
    return replace(task, stage=Stage.COMPLETED, report=report, completed_at=entry.at)


def report_returned(task: Task, entry: HistoryEntry) -> Task:
    """Back to work: the report does not count, the deadline never stopped, progress stays."""
    returns = task.report.returns + 1
    report = replace(task.report, state=ReportState.RETURNED, decided_at=entry.at, returns=returns)
    return replace(task, stage=Stage.IN_PROGRESS, report=report, report_due_at=entry.details["report_due_at"])
