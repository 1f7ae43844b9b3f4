"""Moving a task to another agency, correcting its particulars, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.rules.assigning import document_details, must_be_different, must_be_known
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.extension import lapse
from services.assignment.tasks.rules.limits import must_take_an_adjustment
from services.assignment.tasks.rules.state import Document, Fact, HistoryEntry, Report, Task
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import Priority, Stage

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class Reassign(Command):
    lead_agency: str
    reason: str

    def named_agencies(self) -> Iterable[str]:
        return (self.lead_agency,)


@dataclass(frozen=True, slots=True)
class Correct(Command):
    """`changes` holds only the particulars to be set anew; a `None` in it clears one."""

    reason: str
    changes: Mapping[str, Any]

    def named_agencies(self) -> Iterable[str]:
        monitor = self.changes.get("monitor")
        return (*self.changes.get("coordinating_agencies", ()), *([monitor] if monitor else []))


@dataclass(frozen=True, slots=True)
class Recall(Command):
    reason: str


def may_still_reassign(task: Task, context: Context) -> None:
    """Refuse after the due moment: the miss stays with the agency that led."""
    if task.is_past_due(context.now):
        raise Refusal(Code.DEADLINE_PASSED)


def reassign(task: Task, act: Reassign, context: Context) -> Fact:
    must_take_an_adjustment(task)
    must_be_known("lead_agency", [act.lead_agency], context)
    if act.lead_agency == task.lead_agency and task.stage is not Stage.REFUSED:
        raise invalid("lead_agency", FieldCode.SAME_AGENCY)
    receipt_due_at = context.calendar.term_ends(context.now, context.policy.receipt_term)
    return Fact(
        "reassigned",
        {
            "from_agency": task.lead_agency,
            "lead_agency": act.lead_agency,
            "reason": act.reason,
            "receipt_due_at": receipt_due_at,
        },
    )


def reassigned(task: Task, entry: HistoryEntry) -> Task:
    """Start anew with another lead: deadline, counts, history and the one extension go along."""
    lead = entry.details["lead_agency"]
    return replace(
        lapse(task),
        stage=Stage.ASSIGNED,
        lead_agency=lead,
        coordinating_agencies=tuple(code for code in task.coordinating_agencies if code != lead),
        monitor=None if task.monitor == lead else task.monitor,
        receipt_due_at=entry.details["receipt_due_at"],
        received_at=None,
        officer=None,
        progress=None,
        report_due_at=None,
        report=Report(returns=task.report.returns),
        adjustments=task.adjustments + 1,
    )


def correct(task: Task, act: Correct, context: Context) -> Fact:
    must_take_an_adjustment(task)
    changes = act.changes
    coordinating = changes.get("coordinating_agencies", task.coordinating_agencies)
    monitor = changes.get("monitor", task.monitor)
    if "coordinating_agencies" in changes:
        must_be_known("coordinating_agencies", coordinating, context)
    if "monitor" in changes:
        must_be_known("monitor", [monitor], context)
    must_be_different(task.lead_agency, coordinating, monitor)
    return Fact("corrected", {"reason": act.reason, "changes": _to_details(changes)})


def _to_details(changes: Mapping[str, Any]) -> dict[str, Any]:
    details = dict(changes)
    if "document" in details:
        details["document"] = document_details(details["document"])
    if "coordinating_agencies" in details:
        details["coordinating_agencies"] = list(details["coordinating_agencies"])
    return details


def corrected(task: Task, entry: HistoryEntry) -> Task:
    changes = dict(entry.details["changes"])
    if changes.get("document"):
        changes["document"] = Document(**changes["document"])
    if "coordinating_agencies" in changes:
        changes["coordinating_agencies"] = tuple(changes["coordinating_agencies"])
    if "priority" in changes:
        changes["priority"] = Priority(changes["priority"])
    return replace(task, **changes, adjustments=task.adjustments + 1)


def recall(_task: Task, act: Recall, _context: Context) -> Fact:
    return Fact("recalled", {"reason": act.reason})


def recalled(task: Task, _entry: HistoryEntry) -> Task:
    return replace(lapse(task), stage=Stage.RECALLED, report_due_at=None)
