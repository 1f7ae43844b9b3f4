"""Which part an account has in a task; the act table uses these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.office.vocabulary import Role

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import Task
    from shared.office.access import Principal


def decider(task: Task, actor: Principal) -> bool:
    """Return whether the actor is the assigner, or a coordinator acting for the assigner."""
    return actor.role is Role.COORDINATOR or (actor.role is Role.LEADER and actor.username == task.assigner)


def head_of_lead(task: Task, actor: Principal) -> bool:
    return actor.acts_as is Role.HEAD and actor.agency == task.lead_agency


def head_or_clerk_of_lead(task: Task, actor: Principal) -> bool:
    return actor.acts_as in {Role.HEAD, Role.CLERK} and actor.agency == task.lead_agency


def head_or_clerk_of_coordinating(task: Task, actor: Principal) -> bool:
    return actor.acts_as in {Role.HEAD, Role.CLERK} and actor.agency in task.coordinating_agencies


def officer_or_head_of_lead(task: Task, actor: Principal) -> bool:
    handed = actor.role is Role.OFFICER and actor.username == task.officer
    return handed or head_of_lead(task, actor)


def decider_or_head_of_monitor(task: Task, actor: Principal) -> bool:
    watches = actor.acts_as is Role.HEAD and task.monitor is not None and actor.agency == task.monitor
    return watches or decider(task, actor)
