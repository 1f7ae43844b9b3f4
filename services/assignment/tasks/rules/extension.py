"""The deadline: set where there was none, moved once at most in a task's life."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.due import RequestedDeadline, must_be_later, resolve, resolve_ahead
from services.assignment.tasks.rules.limits import must_take_a_request
from services.assignment.tasks.rules.state import Extension, ExtensionRequest, Fact, HistoryEntry, Task
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import DueKind, ExtensionState, RequestState

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class SetDeadline(Command):
    term: RequestedDeadline
    reason: str


@dataclass(frozen=True, slots=True)
class AskExtension(Command):
    term: RequestedDeadline
    reason: str

    @property
    def field(self) -> str:
        return "new_due_at" if self.term.moment else "new_deadline"


@dataclass(frozen=True, slots=True)
class DecideExtension(Command):
    """`term` is another one than was asked for, only when approved; a refusal needs its reason."""

    approved: bool
    reason: str | None = None
    term: RequestedDeadline | None = None


def has_no_deadline_yet(task: Task, _context: Context) -> None:
    if task.due_kind is not DueKind.NONE:
        raise Refusal(Code.WRONG_STAGE)


def set_deadline(_task: Task, act: SetDeadline, context: Context) -> Fact:
    due = resolve_ahead(act.term, context, act.term.field)
    return Fact("deadline_set", {**due.details(), "reason": act.reason})


def deadline_set(task: Task, entry: HistoryEntry) -> Task:
    """Set the first deadline of the task's life: it is the original one."""
    moved = _move(task, entry)
    return replace(moved, original_deadline=moved.deadline, original_due_at=moved.due_at)


def may_ask(task: Task, context: Context) -> None:
    """Hold the one extension: the order of these refusals is what programs rely on."""
    if task.extension.state is ExtensionState.USED:
        raise Refusal(Code.EXTENSION_ALREADY_USED)
    if task.extension.state is ExtensionState.PENDING:
        raise Refusal(Code.EXTENSION_PENDING)
    if task.is_past_due(context.now):
        raise Refusal(Code.DEADLINE_PASSED)
    if task.due_at is None:
        raise Refusal(Code.NO_DEADLINE)


def ask_extension(task: Task, act: AskExtension, context: Context) -> Fact:
    must_take_a_request(task)
    due = resolve_ahead(act.term, context, act.field)
    must_be_later(due, task, act.field)
    return Fact(
        "extension_requested",
        {
            "request": f"{len(task.extension.requests) + 1}",
            "from_deadline": task.deadline,
            "new_deadline": due.deadline,
            "new_due_kind": due.kind,
            "new_due_at": due.at,
            "reason": act.reason,
        },
    )


def extension_requested(task: Task, entry: HistoryEntry) -> Task:
    details = entry.details
    request = ExtensionRequest(
        id=details["request"],
        state=RequestState.PENDING,
        asked_at=entry.at,
        from_deadline=details["from_deadline"],
        new_deadline=details["new_deadline"],
        new_due_kind=DueKind(details["new_due_kind"]),
        new_due_at=details["new_due_at"],
        reason=details["reason"],
    )
    return replace(
        task, extension=Extension(state=ExtensionState.PENDING, requests=(*task.extension.requests, request))
    )


def a_request_waits(task: Task, _context: Context) -> None:
    if task.pending_request is None:
        raise Refusal(Code.WRONG_STAGE)


def decide_extension(task: Task, act: DecideExtension, context: Context) -> Fact:
    """Grant what was asked for or another later term, or refuse it; a refusal does not use the extension up."""
    request = task.pending_request
    if request is None:
        raise Refusal(Code.WRONG_STAGE)
    if not act.approved:
        return Fact("extension_refused", {"request": request.id, "reason": _needed(act.reason)})
    term = act.term or _as_asked(request)
    due = resolve(term, context)
    must_be_later(due, task, "new_due_at" if term.moment else "new_deadline")
    return Fact("extension_approved", {"request": request.id, **due.details(), "reason": act.reason})


def _as_asked(request: ExtensionRequest) -> RequestedDeadline:
    if request.new_due_kind is DueKind.MOMENT or request.new_deadline is None:
        return RequestedDeadline(moment=request.new_due_at)
    return RequestedDeadline(day=date.fromisoformat(request.new_deadline))


def _needed(reason: str | None) -> str:
    if reason is None:
        raise invalid("reason", FieldCode.MISSING)
    return reason


def extension_approved(task: Task, entry: HistoryEntry) -> Task:
    settled = _close_request(task, RequestState.APPROVED, ExtensionState.USED, entry)
    return _move(settled, entry)


def extension_refused(task: Task, entry: HistoryEntry) -> Task:
    return _close_request(task, RequestState.REFUSED, ExtensionState.NONE, entry)


def lapse(task: Task) -> Task:
    """Let a pending request lapse: the task took another way before it was decided."""
    return _close_request(task, RequestState.LAPSED, ExtensionState.NONE, None)


def _close_request(task: Task, state: RequestState, then: ExtensionState, entry: HistoryEntry | None) -> Task:
    if task.pending_request is None:
        return task
    closed = replace(task.pending_request, state=state)
    if entry is not None:
        reason = entry.details["reason"]
        closed = replace(closed, decided_at=entry.at, decided_by=entry.by, decision_reason=reason)
    return replace(task, extension=Extension(state=then, requests=(*task.extension.requests[:-1], closed)))


def _move(task: Task, entry: HistoryEntry) -> Task:
    details = entry.details
    return replace(task, deadline=details["deadline"], due_kind=DueKind(details["due_kind"]), due_at=details["due_at"])
