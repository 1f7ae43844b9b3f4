"""Moving a task to another agency, correcting its particulars, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from services.assignment.tasks.rules.assigning import receipt_due, require_different_agencies, require_known_agencies
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.days import require_issued
from services.assignment.tasks.rules.extension import lapse
from services.assignment.tasks.rules.particulars import from_details, to_details
from services.assignment.tasks.rules.state import Fact, HistoryEntry, Report, Task
from shared.office.refusal import Code, FieldCode, Refusal, Violation, invalid
from shared.office.vocabulary import Stage

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context
    from shared.office.codes import Codes


@dataclass(frozen=True, slots=True)
class Reassign(Command):
    lead_agency: str
    reason: str

    def named_agencies(self) -> Iterable[str]:
        return (self.lead_agency,)

    def spelled(self, codes: Codes) -> Self:
        return replace(self, lead_agency=codes.written(self.lead_agency))


@dataclass(frozen=True, slots=True)
class Correct(Command):
    """`changes` holds the particulars that were named; `None` clears one."""

    reason: str
    changes: Mapping[str, Any]

    def named_agencies(self) -> Iterable[str]:
        monitor = self.changes.get("monitor")
        return (*self.changes.get("coordinating_agencies", ()), *([monitor] if monitor else []))

    def spelled(self, codes: Codes) -> Self:
        changes = dict(self.changes)
        if "coordinating_agencies" in changes:
            changes["coordinating_agencies"] = tuple(map(codes.written, changes["coordinating_agencies"]))
        if changes.get("monitor"):
            changes["monitor"] = codes.written(changes["monitor"])
        return replace(self, changes=changes)


@dataclass(frozen=True, slots=True)
class Recall(Command):
    reason: str


def why_not_reassign(task: Task, context: Context) -> Code | None:
    """Return `deadline-passed` after the due moment: the miss stays with the agency that led."""
    return Code.DEADLINE_PASSED if task.is_past_due(context.now) else None


def reassign(task: Task, command: Reassign, context: Context) -> Fact:
    require_known_agencies("lead_agency", [command.lead_agency], context)
    if command.lead_agency == task.lead_agency and task.stage is not Stage.REFUSED:
        raise invalid("lead_agency", FieldCode.SAME_AGENCY)
    return Fact(
        "reassigned",
        {
            "from_agency": task.lead_agency,
            "from_officer": task.officer,
            "lead_agency": command.lead_agency,
            "reason": command.reason,
            "receipt_due_at": receipt_due(task.due_at, context),
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
        officer_left=False,
        progress=None,
        report_due_at=None,
        report=Report(returns=task.report.returns),
    )


def correct(task: Task, command: Correct, context: Context) -> Fact:
    """Change the particulars that differ; those that were named as they are, are not recorded."""
    changes = {name: value for name, value in command.changes.items() if not _is_same(getattr(task, name), value)}
    if not changes:
        raise Refusal(Code.NOTHING_TO_CHANGE, *(Violation(name, FieldCode.UNCHANGED) for name in command.changes))
    coordinating = changes.get("coordinating_agencies", task.coordinating_agencies)
    monitor = changes.get("monitor", task.monitor)
    if "coordinating_agencies" in changes:
        require_known_agencies("coordinating_agencies", coordinating, context)
    if "monitor" in changes:
        require_known_agencies("monitor", [monitor], context)
    require_different_agencies(task.lead_agency, coordinating, monitor)
    require_issued(changes.get("document"), context)
    return Fact(
        "corrected", {"reason": command.reason, "changes": to_details(changes), **_former_agencies(task, changes)}
    )


def _former_agencies(task: Task, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agencies that a correction replaces: who is added or taken out is notified."""
    former = {"coordinating_agencies": task.coordinating_agencies, "monitor": task.monitor}
    return {f"from_{name}": value for name, value in to_details(former).items() if name in changes}


def _is_same(present: Any, named: Any) -> bool:
    """Whether a particular is what it was; the order of agencies means nothing."""
    if isinstance(present, tuple) and isinstance(named, tuple):
        return sorted(present) == sorted(named)
    return bool(present == named)


def corrected(task: Task, entry: HistoryEntry) -> Task:
    return replace(task, **from_details(entry.details["changes"]))


def recall(_task: Task, command: Recall, _context: Context) -> Fact:
    return Fact("recalled", asdict(command))


def recalled(task: Task, _entry: HistoryEntry) -> Task:
    return replace(lapse(task), stage=Stage.RECALLED, report_due_at=None)
