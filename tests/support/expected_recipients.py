"""Who must be notified of an event: the rule of the office once more, ordered by recipient.

It shares no code with notification, which it judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

_LEAD: Final = frozenset(
    {
        *("task.assigned", "task.reassigned", "task.corrected", "task.deadline_set", "task.recalled", "task.urged"),
        *("task.report_returned", "task.completed", "task.extension_approved", "task.extension_refused"),
        *("task.officer_left", "task.explanation_required", "task.explanation_accepted", "task.explanation_refused"),
        *("deadline.due_soon", "deadline.due_today", "deadline.receipt_overdue", "deadline.report_missing"),
        "deadline.explanation_overdue",
    }
)
_OFFICER: Final = frozenset(
    {
        *("task.delegated", "task.report_returned", "task.urged", "task.completed", "task.recalled"),
        *("task.explanation_required", "deadline.due_soon", "deadline.due_today", "deadline.report_missing"),
    }
)
_WHO_ASSIGNED: Final = frozenset(
    {
        *("task.refused", "task.extension_requested", "task.reported", "task.explanation_submitted"),
        *("deadline.receipt_overdue", "deadline.explanation_overdue"),
    }
)
_HEADS_CONCERNED: Final = frozenset({"task.assigned", "task.reassigned", "task.recalled", "task.completed"})

Account = Mapping[str, Any]
"""An account as assignment keeps it: `_id`, `role`, `agency`, `disabled`."""


def usernames_notified(
    accounts: Iterable[Account], kind: str, task: Any, act: Any = None, before: Any = None
) -> set[str]:
    """Return who must be notified.

    `task` is as the event left it, `before` as it was. `act` is the history entry, if somebody acted.
    """
    people = [one for one in accounts if one["role"] != "service" and not one["disabled"]]
    concerned = set(_concerned(people, kind, task, act, before))
    seeing = {one["_id"] for one in people if one["_id"] in concerned and may_see(one, task)}
    losing = {one["_id"] for one in people}.intersection(usernames_losing(people, kind, task, before))
    return (seeing | losing) - ({act.by} if act else set())


def may_see(account: Account, task: Any) -> bool:
    """Whether an account may see a task, written a second time."""
    match account["role"]:
        case "leader" | "coordinator" | "auditor":
            return True
        case "head" | "clerk":
            return account["agency"] in {task.lead_agency, *_helping(task)}
        case "officer":
            return bool(account["_id"] == task.officer and account["agency"] == task.lead_agency)
        case _:
            return False


def usernames_losing(people: Sequence[Account], kind: str, task: Any, before: Any) -> Iterator[str]:
    """Yield those from whom the event took the task. They are told so, although they may not see it any more."""
    if kind == "task.reassigned":
        yield from _holders(people, "head", before.lead_agency)
    if kind in {"task.reassigned", "task.delegated"} and before.officer != task.officer:
        yield before.officer
    if kind == "task.corrected":
        yield from _holders(people, "head", *(_helping(before) - _helping(task)))


def _concerned(people: Sequence[Account], kind: str, task: Any, act: Any, before: Any) -> Iterator[str]:
    if kind in _LEAD or (kind == "task.received" and act.role == "clerk"):
        yield from _holders(people, "head", task.lead_agency)
    if kind in _LEAD:
        yield from _holders(people, "clerk", task.lead_agency)
    if kind in _OFFICER:
        yield from [task.officer] if task.officer else []
    if kind in _WHO_ASSIGNED:
        yield from _who_decides(people, task)
    if kind in _HEADS_CONCERNED:
        yield from _holders(people, "head", *_helping(task))
    if kind == "task.explanation_required":
        yield from _holders(people, "head", task.monitor)
    if kind == "task.corrected":
        coordinating = set(task.coordinating_agencies) - set(before.coordinating_agencies)
        yield from _holders(people, "head", *coordinating, *({task.monitor} - {before.monitor}))


def _who_decides(people: Sequence[Account], task: Any) -> Iterator[str]:
    yield from (task.assigner, task.entered_by)
    coordinators = {one["_id"] for one in people if one["role"] == "coordinator"}
    leaders = {one["_id"] for one in people if one["role"] == "leader"}
    if task.assigner not in leaders | coordinators and task.entered_by not in coordinators:
        yield from coordinators


def _helping(task: Any) -> set[str]:
    return {*task.coordinating_agencies, *([task.monitor] if task.monitor else [])}


def _holders(people: Sequence[Account], role: str, *agencies: str | None) -> Iterator[str]:
    for one in people:
        if one["role"] == role and one["agency"] is not None and one["agency"] in agencies:
            yield one["_id"]
