"""Which part an account has in a task; the act table uses these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.office.vocabulary import Role

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import Task
    from shared.office.access import Principal


def is_decider(task: Task, caller: Principal) -> bool:
    """Return whether the caller is the assigner, or a coordinator acting for the assigner."""
    return caller.role is Role.COORDINATOR or (caller.role is Role.LEADER and caller.username == task.assigner)


def is_head_of_lead(task: Task, caller: Principal) -> bool:
    return caller.acts_as is Role.HEAD and caller.agency == task.lead_agency


def is_head_or_clerk_of_lead(task: Task, caller: Principal) -> bool:
    return caller.acts_as in {Role.HEAD, Role.CLERK} and caller.agency == task.lead_agency


def is_head_or_clerk_of_coordinating(task: Task, caller: Principal) -> bool:
    return caller.acts_as in {Role.HEAD, Role.CLERK} and caller.agency in task.coordinating_agencies


def is_officer_or_head_of_lead(task: Task, caller: Principal) -> bool:
    """Return whether the task is handed to the caller, while an officer of the lead, or the caller is its head."""
    is_officer = caller.role is Role.OFFICER and caller.agency == task.lead_agency
    handed = is_officer and caller.username == task.officer
    return handed or is_head_of_lead(task, caller)


def is_decider_or_head_of_monitor(task: Task, caller: Principal) -> bool:
    watches = caller.acts_as is Role.HEAD and task.monitor is not None and caller.agency == task.monitor
    return watches or is_decider(task, caller)
