"""Who should act on a task now: receive, decide, report or explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.assignment.tasks.rules.work import FINISHED
from shared.office.vocabulary import ExplanationState, Role, Stage

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import Task
    from shared.office.access import Principal

ANY_COORDINATOR = Role.COORDINATOR.value
_OWED = frozenset({ExplanationState.REQUIRED, ExplanationState.REFUSED})


def waits_for(task: Task) -> list[str]:
    """Return the keys of those who should act now; `key_of` gives the key of an account."""
    if task.stage is Stage.RECALLED:
        return []
    keys: list[str] = []
    if task.stage is Stage.ASSIGNED:
        keys.append(_agency(Role.CLERK, task.lead_agency))
    if _waits_for_head(task):
        keys.append(_agency(Role.HEAD, task.lead_agency))
    if _waits_for_officer(task):
        keys.append(_person(Role.OFFICER, str(task.officer)))
    if _waits_for_decision(task):
        keys += [_person(Role.LEADER, task.assigner), ANY_COORDINATOR]
    return keys


def key_of(principal: Principal) -> str:
    """Return the key under which tasks wait for an account."""
    match principal.acts_as:
        case Role.HEAD | Role.CLERK as role:
            return _agency(role, str(principal.agency))
        case Role.COORDINATOR:
            return ANY_COORDINATOR
        case role:
            return _person(role, principal.username)


def _waits_for_head(task: Task) -> bool:
    to_report = task.stage is Stage.IN_PROGRESS and task.report_due_at is not None
    return task.stage is Stage.ASSIGNED or to_report or task.explanation.state in _OWED


def _waits_for_officer(task: Task) -> bool:
    percent = task.progress.percent if task.progress else 0
    return task.stage is Stage.IN_PROGRESS and task.officer is not None and percent < FINISHED


def _waits_for_decision(task: Task) -> bool:
    asked = task.pending_request is not None or task.explanation.state is ExplanationState.SUBMITTED
    return asked or task.stage in {Stage.REFUSED, Stage.REPORTED}


def _agency(role: Role, code: str) -> str:
    return f"{role}:{code}"


def _person(role: Role, username: str) -> str:
    return f"{role}:{username}"
