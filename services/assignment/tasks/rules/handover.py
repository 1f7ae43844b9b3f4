"""Moving a task to another agency, correcting its particulars, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.rules.assigning import require_different_agencies, require_known_agencies
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.extension import lapse
from services.assignment.tasks.rules.limits import require_room_for_adjustment
from services.assignment.tasks.rules.particulars import from_details, to_details
from services.assignment.tasks.rules.state import Fact, HistoryEntry, Report, Task
from shared.office.refusal import Code, FieldCode, invalid
from shared.office.vocabulary import Stage

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
    """`changes` holds only the particulars that change; `None` clears one."""

    reason: str
    changes: Mapping[str, Any]

    def named_agencies(self) -> Iterable[str]:
        monitor = self.changes.get("monitor")
        return (*self.changes.get("coordinating_agencies", ()), *([monitor] if monitor else []))


@dataclass(frozen=True, slots=True)
class Recall(Command):
    reason: str


def why_not_reassign(task: Task, context: Context) -> Code | None:
    """Return `deadline-passed` after the due moment: the miss stays with the agency that led."""
    return Code.DEADLINE_PASSED if task.is_past_due(context.now) else None


def reassign(task: Task, command: Reassign, context: Context) -> Fact:
    require_room_for_adjustment(task)
    require_known_agencies("lead_agency", [command.lead_agency], context)
    if command.lead_agency == task.lead_agency and task.stage is not Stage.REFUSED:
        raise invalid("lead_agency", FieldCode.SAME_AGENCY)
    return Fact(
        "reassigned",
        {
            "from_agency": task.lead_agency,
            "lead_agency": command.lead_agency,
            "reason": command.reason,
            "receipt_due_at": context.calendar.term_ends(context.now, context.policy.receipt_term),
        },
    )


def reassigned(task: Task, entry: HistoryEntry) -> Task:
    """Start anew with another lead; deadline, counts, history and the used extension go along."""
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


def correct(task: Task, command: Correct, context: Context) -> Fact:
    require_room_for_adjustment(task)
    changes = command.changes
    coordinating = changes.get("coordinating_agencies", task.coordinating_agencies)
    monitor = changes.get("monitor", task.monitor)
    if "coordinating_agencies" in changes:
        require_known_agencies("coordinating_agencies", coordinating, context)
    if "monitor" in changes:
        require_known_agencies("monitor", [monitor], context)
    require_different_agencies(task.lead_agency, coordinating, monitor)
    return Fact("corrected", {"reason": command.reason, "changes": to_details(changes)})


def corrected(task: Task, entry: HistoryEntry) -> Task:
    return replace(task, **from_details(entry.details["changes"]), adjustments=task.adjustments + 1)


def recall(_task: Task, command: Recall, _context: Context) -> Fact:
    return Fact("recalled", asdict(command))


def recalled(task: Task, _entry: HistoryEntry) -> Task:
    return replace(lapse(task), stage=Stage.RECALLED, report_due_at=None)
