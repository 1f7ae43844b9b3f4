"""Assigning a task: by a leader, or by a coordinator for a leader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Self

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.days import require_issued
from services.assignment.tasks.rules.due import NO_DEADLINE, RequestedDeadline, resolve_future_deadline
from services.assignment.tasks.rules.particulars import Particulars, from_details, to_details
from services.assignment.tasks.rules.state import Extension, Fact, HistoryEntry, Task
from services.assignment.tasks.rules.waiting import noted
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import Authority, DueKind, ExtensionState, Role, Stage

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.rules.context import Context
    from shared.office.codes import Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Particulars, Command):
    """A task to assign. `path` leads to its fields in the body: `items.3.` in a batch."""

    lead_agency: str
    authority: Authority | None = None
    assigner: str | None = None
    deadline: RequestedDeadline = NO_DEADLINE
    deadline_text: str | None = None
    replaces: str | None = None
    batch: str | None = None
    path: str = ""
    lead_field: str = "lead_agency"

    def named_agencies(self) -> Iterable[str]:
        return (self.lead_agency, *self.coordinating_agencies, *([self.monitor] if self.monitor else []))

    def named_accounts(self) -> Iterable[str]:
        return (self.assigner,) if self.assigner else ()

    def spelled(self, codes: Codes) -> Self:
        return replace(
            self,
            lead_agency=codes.written(self.lead_agency),
            coordinating_agencies=tuple(map(codes.written, self.coordinating_agencies)),
            monitor=codes.written(self.monitor) if self.monitor else None,
        )


_RECORDED: Final = (
    *(field.name for field in fields(Particulars)),
    "lead_agency",
    "authority",
    "deadline_text",
    "replaces",
    "batch",
)
"""What the first history entry keeps of the command as it is."""


def assign(command: Assign, replaced: Task | None, context: Context) -> Fact:
    """Decide on a new task. If it replaces a recalled task whose extension was used, it may not be extended either."""
    assigner = _assigner(command, context)
    _require_known(command, context)
    require_different_agencies(command.lead_agency, command.coordinating_agencies, command.monitor, command.path)
    cap = _inherited_cap(command, replaced)
    require_issued(command.document, context)
    due = resolve_future_deadline(command.deadline, context, command.path + command.deadline.field)
    recorded = to_details({name: getattr(command, name) for name in _RECORDED})
    receipt_due_at = receipt_due(due.due_at, context)
    return Fact(
        "assigned", {**recorded, **due.details(), "receipt_due_at": receipt_due_at, **cap, "assigner": assigner}
    )


def receipt_due(due_at: datetime | None, context: Context) -> datetime:
    """Return until when the agency must receive the task: never later than the task itself is due."""
    term_ends = context.calendar.term_ends(context.now, context.policy.receipt_term)
    return min(term_ends, due_at) if due_at else term_ends


def assigned(task_id: str, entry: HistoryEntry) -> Task:
    """Return the task that an `assigned` entry begins."""
    details = from_details(entry.details)
    used = details.pop("extension_used", False)
    task = Task(
        id=task_id,
        version=entry.sequence,
        stage=Stage.ASSIGNED,
        entered_by=entry.by,
        assigned_at=details.pop("assigned_at", entry.at),
        updated_at=entry.at,
        due_kind=DueKind(details.pop("due_kind")),
        original_deadline=details["deadline"],
        original_due_at=details["due_at"],
        extension=Extension(state=ExtensionState.USED if used else ExtensionState.NONE),
        **details,
    )
    return noted(task, entry.at)


def require_different_agencies(lead: str, coordinating: Iterable[str], monitor: str | None, path: str = "") -> None:
    """Refuse an agency that has more than one of the places of lead, coordinating agency and monitor."""
    others = list(coordinating)
    if len(set(others)) != len(others) or lead in others:
        raise invalid(f"{path}coordinating_agencies", FieldCode.DUPLICATE_AGENCY)
    if monitor is not None and monitor in {lead, *others}:
        raise invalid(f"{path}monitor", FieldCode.DUPLICATE_AGENCY)


def require_known_agencies(field: str, codes: Iterable[str | None], context: Context) -> None:
    """Refuse agencies that the directory does not have."""
    if any(code is not None and code not in context.agencies for code in codes):
        raise invalid(field, FieldCode.UNKNOWN_AGENCY)


def _assigner(command: Assign, context: Context) -> str:
    """Return the leader in whose name the task is assigned: the caller, or whom the coordinator names."""
    caller = context.caller
    if caller.role is Role.LEADER:
        if command.assigner not in {None, caller.username}:
            raise invalid("assigner", FieldCode.NOT_ALLOWED)
        return caller.username
    if caller.role is not Role.COORDINATOR:
        raise Refusal(Code.NOT_PERMITTED)
    if command.assigner is None:
        raise invalid("assigner", FieldCode.MISSING)
    leader = context.accounts.get(command.assigner)
    if leader is None or leader.role is not Role.LEADER:
        raise invalid("assigner", FieldCode.NOT_A_LEADER if leader else _why_unusable(command.assigner, context))
    return command.assigner


def _why_unusable(username: str, context: Context) -> FieldCode:
    return FieldCode.DISABLED_ACCOUNT if username in context.disabled else FieldCode.UNKNOWN_ACCOUNT


def _require_known(command: Assign, context: Context) -> None:
    require_known_agencies(command.path + command.lead_field, [command.lead_agency], context)
    require_known_agencies(f"{command.path}coordinating_agencies", command.coordinating_agencies, context)
    require_known_agencies(f"{command.path}monitor", [command.monitor], context)


def _inherited_cap(command: Assign, replaced: Task | None) -> dict[str, Any]:
    """Return the detail that carries the cap over from a recalled task; nothing for a task that replaces none."""
    if command.replaces is None:
        return {}
    if replaced is None:
        raise invalid("replaces", FieldCode.UNKNOWN_TASK)
    if replaced.stage is not Stage.RECALLED:
        raise invalid("replaces", FieldCode.NOT_RECALLED)
    return {"extension_used": replaced.extension.state is ExtensionState.USED}
