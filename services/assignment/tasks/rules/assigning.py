"""Giving a task: by a leader, or by a coordinator for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.due import NO_DEADLINE, RequestedDeadline, resolve_ahead
from services.assignment.tasks.rules.state import Document, Extension, Fact, HistoryEntry, Task
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import Authority, DueKind, ExtensionState, Priority, Role, Stage

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Command):
    """A task as it is given. `path` leads to its fields in the body, `items.3.` in a batch."""

    title: str
    lead_agency: str
    description: str | None = None
    product: str | None = None
    field: str | None = None
    priority: Priority = Priority.NORMAL
    document: Document | None = None
    authority: Authority | None = None
    assigner: str | None = None
    coordinating_agencies: tuple[str, ...] = ()
    monitor: str | None = None
    term: RequestedDeadline = NO_DEADLINE
    deadline_text: str | None = None
    replaces: str | None = None
    batch: str | None = None
    path: str = ""
    lead_field: str = "lead_agency"

    def named_agencies(self) -> Iterable[str]:
        return (self.lead_agency, *self.coordinating_agencies, *([self.monitor] if self.monitor else []))

    def named_accounts(self) -> Iterable[str]:
        return (self.assigner,) if self.assigner else ()


def assign(act: Assign, replaced: Task | None, context: Context) -> Fact:
    """Decide on a new task. A task that replaces a recalled one inherits its one extension, used or not."""
    assigner = _assigner(act, context)
    _must_name_known_agencies(act, context)
    must_be_different(act.lead_agency, act.coordinating_agencies, act.monitor, act.path)
    used = _inherited_cap(act, replaced)
    due = resolve_ahead(act.term, context, act.path + act.term.field)
    return Fact(
        "assigned", {**_particulars(act), **due.details(), **_first_terms(context), **used, "assigner": assigner}
    )


def assigned(task_id: str, entry: HistoryEntry) -> Task:
    """Return the task that an `assigned` entry begins."""
    details = dict(entry.details)
    used = details.pop("extension_used", False)
    document, authority = details.pop("document"), details.pop("authority")
    return Task(
        id=task_id,
        version=entry.sequence,
        stage=Stage.ASSIGNED,
        entered_by=entry.by,
        assigned_at=entry.at,
        updated_at=entry.at,
        document=Document(**document) if document else None,
        priority=Priority(details.pop("priority")),
        authority=Authority(authority) if authority else None,
        due_kind=DueKind(details.pop("due_kind")),
        original_deadline=details["deadline"],
        original_due_at=details["due_at"],
        extension=Extension(state=ExtensionState.USED if used else ExtensionState.NONE),
        coordinating_agencies=tuple(details.pop("coordinating_agencies")),
        **details,
    )


def must_be_different(lead: str, coordinating: Iterable[str], monitor: str | None, path: str = "") -> None:
    """Hold that lead, coordinating agencies and monitor are all different agencies."""
    others = list(coordinating)
    if len(set(others)) != len(others) or lead in others:
        raise invalid(f"{path}coordinating_agencies", FieldCode.DUPLICATE_AGENCY)
    if monitor is not None and monitor in {lead, *others}:
        raise invalid(f"{path}monitor", FieldCode.DUPLICATE_AGENCY)


def must_be_known(field: str, codes: Iterable[str | None], context: Context) -> None:
    """Refuse agencies that the directory does not have."""
    if any(code is not None and code not in context.agencies for code in codes):
        raise invalid(field, FieldCode.UNKNOWN_AGENCY)


def _assigner(act: Assign, context: Context) -> str:
    actor = context.actor
    if actor.role is Role.LEADER:
        if act.assigner not in {None, actor.username}:
            raise invalid("assigner", FieldCode.NOT_ALLOWED)
        return actor.username
    if actor.role is not Role.COORDINATOR:
        raise Refusal(Code.NOT_PERMITTED)
    if act.assigner is None:
        raise invalid("assigner", FieldCode.MISSING)
    leader = context.accounts.get(act.assigner)
    if leader is None or leader.role is not Role.LEADER:
        raise invalid("assigner", FieldCode.NOT_A_LEADER if leader else FieldCode.UNKNOWN_ACCOUNT)
    return act.assigner


def _must_name_known_agencies(act: Assign, context: Context) -> None:
    must_be_known(act.path + act.lead_field, [act.lead_agency], context)
    must_be_known(f"{act.path}coordinating_agencies", act.coordinating_agencies, context)
    must_be_known(f"{act.path}monitor", [act.monitor], context)


def _inherited_cap(act: Assign, replaced: Task | None) -> dict[str, bool]:
    if act.replaces is None:
        return {}
    if replaced is None:
        raise invalid("replaces", FieldCode.UNKNOWN_TASK)
    if replaced.stage is not Stage.RECALLED:
        raise invalid("replaces", FieldCode.NOT_RECALLED)
    return {"extension_used": replaced.extension.state is ExtensionState.USED}


def _particulars(act: Assign) -> dict[str, Any]:
    return {
        "title": act.title,
        "description": act.description,
        "product": act.product,
        "document": document_details(act.document),
        "field": act.field,
        "priority": act.priority,
        "authority": act.authority,
        "lead_agency": act.lead_agency,
        "coordinating_agencies": list(act.coordinating_agencies),
        "monitor": act.monitor,
        "deadline_text": act.deadline_text,
        "replaces": act.replaces,
        "batch": act.batch,
    }


def document_details(document: Document | None) -> dict[str, Any] | None:
    """Return what a history entry keeps of a document."""
    if document is None:
        return None
    return {"number": document.number, "issued_on": document.issued_on, "summary": document.summary}


def _first_terms(context: Context) -> dict[str, Any]:
    return {"receipt_due_at": context.calendar.term_ends(context.now, context.policy.receipt_term)}
