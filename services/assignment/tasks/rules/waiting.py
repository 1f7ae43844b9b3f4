"""What a task waits for, from whom and since when; and who has a duty in it meanwhile.

A key says who is meant, such as `head:STC`. It is kept with the task, and indexes find the tasks of a key. Nothing here
depends on the moment at which it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from services.assignment.tasks.rules.state import Wait
from services.assignment.tasks.rules.work import FINISHED
from shared.office.vocabulary import CLOSED, OWED, ExplanationState, Role, Stage, WaitKind

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.rules.state import Task
    from shared.office.access import Principal

Waiting = Literal["me", "others"]
ANY_COORDINATOR: Final = Role.COORDINATOR.value
"""Every coordinator may decide on every task, so what waits for a decision waits for all of them."""
_WORKING: Final = frozenset({Stage.RECEIVED, Stage.IN_PROGRESS})


def noted(task: Task, now: datetime) -> Task:
    """Return the task with what it waits for since now; what it waited for already, it waits for since then."""
    since = {(wait.key, wait.kind): wait.since for wait in task.waits}
    waits = tuple(Wait(key, kind, since.get((key, kind), now)) for key, kind in _waits_of(task))
    return replace(task, waits=waits)


# Whose key it is


def key_of(caller: Principal) -> str:
    """Return the key under which tasks wait for an account."""
    return ANY_COORDINATOR if caller.acts_as is Role.COORDINATOR else duty_of(caller)


def duty_of(caller: Principal) -> str:
    """Return the key under which an account has duties."""
    match caller.acts_as:
        case Role.HEAD | Role.CLERK as role:
            return _agency(role, str(caller.agency))
        case Role.OFFICER:
            return _officer(str(caller.agency), caller.username)
        case role:
            return _person(role, caller.username)


def list_of(caller: Principal, waiting: Waiting) -> str:
    """Return the key of a list: of the tasks that wait for the caller, or for others while the caller has a duty."""
    return key_of(caller) if waiting == "me" else _others(duty_of(caller))


# What is kept with the task


def list_keys(task: Task) -> list[str]:
    """Return the keys of the lists in which a task stands."""
    waiting = dict.fromkeys(wait.key for wait in task.waits)
    return [*waiting, *(_others(duty) for duty, key in _duties(task) if key not in waiting)]


def counted_keys(task: Task) -> list[str]:
    """Return under which keys a task is counted: for what it waits, and in whose open tasks its due moment counts."""
    kinds = [kind_key(wait.key, wait.kind) for wait in task.waits]
    return [*kinds, *(due_key(duty) for duty, _ in _duties(task))] if _is_due(task) else kinds


def kind_key(key: str, kind: WaitKind) -> str:
    return f"{key} {kind}"


def due_key(duty: str) -> str:
    return f"{duty} due"


def _is_due(task: Task) -> bool:
    """Whether an open task is overdue after its due moment: a report that was submitted in time stops the clock."""
    if task.due_at is None:
        return False
    return task.stage is not Stage.REPORTED or task.current_submission is None or task.current_submission > task.due_at


# Who should act


def _waits_of(task: Task) -> Iterator[tuple[str, WaitKind]]:
    """Yield what a task waits for, with the key of those from whom: each person's in the order of the kinds."""
    if task.stage is Stage.RECALLED:
        return
    if task.stage is Stage.ASSIGNED:
        yield _agency(Role.CLERK, task.lead_agency), WaitKind.RECEIVE
    for kind in _from_head(task):
        yield _agency(Role.HEAD, task.lead_agency), kind
    if task.officer is not None and _is_unfinished(task):
        yield _officer(task.lead_agency, task.officer), WaitKind.PROGRESS
    for kind in _from_decider(task):
        yield _person(Role.LEADER, task.assigner), kind
        yield ANY_COORDINATOR, kind


def _from_head(task: Task) -> Iterator[WaitKind]:
    if task.stage is Stage.ASSIGNED:
        yield WaitKind.RECEIVE
    if task.stage is Stage.RECEIVED or (task.stage is Stage.IN_PROGRESS and task.officer_left):
        yield WaitKind.DELEGATE
    if task.officer is None and _is_unfinished(task):
        yield WaitKind.PROGRESS
    if task.stage in _WORKING and (task.missed_at is not None or _is_finished(task)):
        yield WaitKind.REPORT
    if task.explanation.state in OWED:
        yield WaitKind.EXPLAIN


def _from_decider(task: Task) -> Iterator[WaitKind]:
    if task.stage is Stage.REFUSED:
        yield WaitKind.REASSIGN
    if task.pending_request is not None:
        yield WaitKind.DECIDE_EXTENSION
    elif task.stage is Stage.REPORTED:
        yield WaitKind.DECIDE_REPORT
    if task.explanation.state is ExplanationState.SUBMITTED:
        yield WaitKind.DECIDE_EXPLANATION


def _is_finished(task: Task) -> bool:
    return task.progress is not None and task.progress.percent >= FINISHED


def _is_unfinished(task: Task) -> bool:
    return task.stage is Stage.IN_PROGRESS and not _is_finished(task)


# Who has a duty


def _duties(task: Task) -> Iterator[tuple[str, str]]:
    """Yield the keys of those who have a duty in an open task, each with the key under which it would wait for them."""
    if task.stage in CLOSED:
        return
    for role in (Role.HEAD, Role.CLERK):
        yield _agency(role, task.lead_agency), _agency(role, task.lead_agency)
    if task.officer is not None:
        yield _officer(task.lead_agency, task.officer), _officer(task.lead_agency, task.officer)
    yield _person(Role.LEADER, task.assigner), _person(Role.LEADER, task.assigner)
    yield _person(Role.COORDINATOR, task.entered_by), ANY_COORDINATOR


def _agency(role: Role, code: str) -> str:
    return f"{role}:{code}"


def _officer(agency: str, username: str) -> str:
    """Name the agency too: an officer who went to another one has no task of the former."""
    return f"{Role.OFFICER}:{agency}:{username}"


def _person(role: Role, username: str) -> str:
    return f"{role}:{username}"


def _others(duty: str) -> str:
    return f"others:{duty}"
