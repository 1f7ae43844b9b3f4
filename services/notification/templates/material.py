"""What a note says of an event, before it is written in a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from services.notification.rules.occasion import former_lead
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event
from shared.events.names import kind_of
from shared.events.task import ExtensionRequest, Task, TaskChanged
from shared.office.vocabulary import Authority, Cause, Priority, RequestState, Role

_OF_AN_AGENCY = frozenset({Role.HEAD, Role.CLERK, Role.SERVICE})


class Due(NamedTuple):
    """When a term ends; `day` is the day as it was written, if a day was given (it never rolls over days off)."""

    moment: datetime
    day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMaterial:
    """An event with the names of its agencies; `actor` is the agency that acted, None if the assigner's side did."""

    kind: str
    at: datetime
    title: str
    lead: str
    document: str | None = None
    priority: Priority = Priority.NORMAL
    authority: Authority | None = None
    actor: str | None = None
    former: str | None = None
    officer: str | None = None
    due: Due | None = None
    asked: Due | None = None
    term_in_words: str | None = None
    receipt_due_at: datetime | None = None
    explanation_due_at: datetime | None = None
    submitted_at: datetime | None = None
    reminded_at: datetime | None = None
    cause: Cause | None = None
    reason: str | None = None
    message: str | None = None
    instruction: str | None = None
    directive: str | None = None


def material_of(
    event: Event[Any], names: Mapping[str, str], told_at: datetime, officer: str | None = None
) -> NoteMaterial:
    """Read a `task.*` or `deadline.*` event that is told at this moment.

    `names` has every agency that it mentions, `officer` is the name of the task's officer, if it is known.

    Raises:
        KeyError: an agency has no name.
        TypeError: the event is of neither kind.

    """
    match event.data:
        case TaskChanged() as changed:
            return replace(_of_act(event, changed, names), officer=officer)
        case DeadlineReached() as reached:
            return _of_moment(event, reached, names, told_at)
        case _:
            raise TypeError(event.type)


def _of_act(event: Event[Any], changed: TaskChanged, names: Mapping[str, str]) -> NoteMaterial:
    task, act = changed.task, changed.act
    request = _request(task)
    former = former_lead(act)
    return NoteMaterial(
        kind=kind_of(event.type),
        at=act.at,
        title=task.title,
        lead=names[task.lead_agency],
        document=task.document.number if task.document else None,
        priority=task.priority,
        authority=task.authority,
        actor=names.get(act.agency or "") if act.role in _OF_AN_AGENCY else None,
        former=names[former] if former else None,
        due=Due(task.due_at, task.deadline) if task.due_at else None,
        asked=Due(request.new_due_at, request.new_deadline) if request else None,
        term_in_words=task.deadline_text,
        receipt_due_at=task.receipt_due_at,
        explanation_due_at=task.explanation.due_at,
        submitted_at=task.report.submitted_at,
        cause=task.explanation.cause,
        reason=_text(act.details, "reason"),
        message=_text(act.details, "message"),
        instruction=_text(act.details, "instruction"),
        directive=_text(act.details, "directive"),
    )


def _of_moment(
    event: Event[Any], reached: DeadlineReached, names: Mapping[str, str], told_at: datetime
) -> NoteMaterial:
    return NoteMaterial(
        kind=kind_of(event.type),
        at=reached.moment,
        title=reached.title,
        lead=names[reached.lead_agency],
        document=reached.document_number,
        due=Due(reached.due_at) if reached.due_at else None,  # a reminder names the day on which the term really ends
        reminded_at=told_at,  # the rung says when a reminder falls due, not how much time is left when it is told
    )


def _request(task: Task) -> ExtensionRequest | None:
    """Return the pending extension request or, without one, the one decided last."""
    requests = task.extension.requests
    for request in requests:
        if request.state is RequestState.PENDING:
            return request
    decided = [request for request in requests if request.decided_at]
    return max(decided, key=lambda request: request.decided_at or request.asked_at, default=None)


def _text(details: Mapping[str, Any], key: str) -> str | None:
    value = details.get(key)
    return value if isinstance(value, str) and value.strip() else None
