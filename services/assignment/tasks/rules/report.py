"""Reporting the result, and the decision that closes the task or sends it back to work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.assignment.tasks.rules.assigning import document_details
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.extension import lapse
from services.assignment.tasks.rules.limits import must_take_a_return
from services.assignment.tasks.rules.state import Document, Fact, HistoryEntry, IsoDay, Report, Task
from services.assignment.tasks.rules.work import report_due
from shared.office.refusal import Code, FieldCode, Refusal, invalid
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


def submit_report(_task: Task, act: SubmitReport, _context: Context) -> Fact:
    document = document_details(act.document)
    return Fact("reported", {"summary": act.summary, "finished_on": act.finished_on, "document": document})


def reported(task: Task, entry: HistoryEntry) -> Task:
    """Put the report before the decider: in time it lapses a pending request, later the request still waits."""
    details = entry.details
    report = Report(
        state=ReportState.SUBMITTED,
        submitted_at=entry.at,
        summary=details["summary"],
        finished_on=details["finished_on"],
        document=Document(**details["document"]) if details["document"] else None,
        returns=task.report.returns,
    )
    before = task if task.is_past_due(entry.at) else lapse(task)
    return replace(before, stage=Stage.REPORTED, report=report, report_due_at=None)


def no_request_waits(task: Task, _context: Context) -> None:
    if task.pending_request is not None:
        raise Refusal(Code.EXTENSION_PENDING)


def decide_report(task: Task, act: DecideReport, context: Context) -> Fact:
    return _accept(task, act) if act.accepted else _return(task, act, context)


def _accept(task: Task, act: DecideReport) -> Fact:
    explained = task.explanation.state in {ExplanationState.SUBMITTED, ExplanationState.ACCEPTED}
    if task.missed_at is not None and not explained:
        raise Refusal(Code.EXPLANATION_REQUIRED)
    return Fact("completed", {"reason": act.reason})


def _return(task: Task, act: DecideReport, context: Context) -> Fact:
    must_take_a_return(task)
    if act.reason is None:
        raise invalid("reason", FieldCode.MISSING)
    percent = task.progress.percent if task.progress else 0
    return Fact("report_returned", {"reason": act.reason, "report_due_at": report_due(None, percent, context)})


def completed(task: Task, entry: HistoryEntry) -> Task:
    report = replace(task.report, state=ReportState.ACCEPTED, decided_at=entry.at)
    return replace(task, stage=Stage.COMPLETED, report=report, completed_at=entry.at)


def report_returned(task: Task, entry: HistoryEntry) -> Task:
    """Back to work: the report does not count, the deadline never stopped, progress stays."""
    returns = task.report.returns + 1
    report = replace(task.report, state=ReportState.RETURNED, decided_at=entry.at, returns=returns)
    return replace(task, stage=Stage.IN_PROGRESS, report=report, report_due_at=entry.details["report_due_at"])
