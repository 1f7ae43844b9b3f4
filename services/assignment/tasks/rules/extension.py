"""The deadline: it is set if there was none, and extended at most once in a task's life. Here is the cap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.due import (
    RequestedDeadline,
    require_later,
    resolve_deadline,
    resolve_future_deadline,
)
from services.assignment.tasks.rules.reason import require_reason
from services.assignment.tasks.rules.state import Extension, ExtensionRequest, Fact, HistoryEntry, Task
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import DueKind, ExtensionState, RequestState

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class SetDeadline(Command):
    deadline: RequestedDeadline
    reason: str


@dataclass(frozen=True, slots=True)
class AskExtension(Command):
    deadline: RequestedDeadline
    reason: str


@dataclass(frozen=True, slots=True)
class DecideExtension(Command):
    """`deadline` is given only when an approval grants another one than was asked for.

    A refusal needs its reason, and so does the grant of another deadline.
    """

    approved: bool
    reason: str | None = None
    deadline: RequestedDeadline | None = None


def why_not_set_deadline(task: Task, _context: Context) -> Code | None:
    """Return `wrong-stage` if the task has a deadline already: an extension is the only way to move it."""
    return None if task.due_kind is DueKind.NONE else Code.WRONG_STAGE


def set_deadline(_task: Task, command: SetDeadline, context: Context) -> Fact:
    resolved = resolve_future_deadline(command.deadline, context, command.deadline.field)
    return Fact("deadline_set", {**resolved.details(), "reason": command.reason})


def deadline_set(task: Task, entry: HistoryEntry) -> Task:
    """Set the first deadline of the task: it is the original one."""
    moved = _move(task, entry)
    return replace(moved, original_deadline=moved.deadline, original_due_at=moved.due_at)


def why_not_ask(task: Task, context: Context) -> Code | None:
    """Return why no extension may be asked for now: the cap is one a task. Programs rely on this order."""
    if task.extension.state is ExtensionState.USED:
        return Code.EXTENSION_ALREADY_USED
    if task.extension.state is ExtensionState.PENDING:
        return Code.EXTENSION_PENDING
    if task.is_past_due(context.now):
        return Code.DEADLINE_PASSED
    return Code.NO_DEADLINE if task.due_at is None else None


def ask_extension(task: Task, command: AskExtension, context: Context) -> Fact:
    field = command.deadline.new_field
    resolved = resolve_future_deadline(command.deadline, context, field)
    require_later(resolved, task, field)
    return Fact(
        "extension_requested",
        {
            "request": f"{len(task.extension.requests) + 1}",
            "from_deadline": task.deadline,
            "new_deadline": resolved.day,
            "new_due_kind": resolved.kind,
            "new_due_at": resolved.due_at,
            "reason": command.reason,
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


def why_not_decide(task: Task, _context: Context) -> Code | None:
    """Return `wrong-stage` if no request is pending."""
    return Code.WRONG_STAGE if task.pending_request is None else None


def decide_extension(task: Task, command: DecideExtension, context: Context) -> Fact:
    """Grant the deadline asked for, or another one after the current deadline; or refuse, which uses nothing up."""
    request = task.pending_request
    if request is None:
        raise Refusal(Code.WRONG_STAGE)
    if not command.approved:
        return Fact("extension_refused", {"request": request.id, "reason": require_reason(command.reason)})
    granted = command.deadline or _as_asked(request)
    resolved = resolve_deadline(granted, context, granted.new_field)
    require_later(resolved, task, granted.new_field)
    if (resolved.day, resolved.due_at) != (request.new_deadline, request.new_due_at):
        require_reason(command.reason)
    return Fact("extension_approved", {"request": request.id, **resolved.details(), "reason": command.reason})


def _as_asked(request: ExtensionRequest) -> RequestedDeadline:
    if request.new_due_kind is DueKind.MOMENT or request.new_deadline is None:
        return RequestedDeadline(moment=request.new_due_at)
    return RequestedDeadline(day=date.fromisoformat(request.new_deadline))


def extension_approved(task: Task, entry: HistoryEntry) -> Task:
    closed = _close_request(task, RequestState.APPROVED, ExtensionState.USED, entry)
    return _move(closed, entry)


def extension_refused(task: Task, entry: HistoryEntry) -> Task:
    return _close_request(task, RequestState.REFUSED, ExtensionState.NONE, entry)


def lapse(task: Task) -> Task:
    """Let a pending request lapse, because another act made it pointless."""
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
