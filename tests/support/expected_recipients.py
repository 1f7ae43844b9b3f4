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
        *("deadline.due_soon", "deadline.due_today", "deadline.report_missing"),
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


def usernames_notified(accounts: Iterable[Account], kind: str, task: Any, act: Any = None) -> set[str]:
    """Return who must be notified: `task` is as the event left it, `act` the history entry, if somebody acted."""
    people = [one for one in accounts if one["role"] != "service" and not one["disabled"]]
    notified = {one["_id"] for one in people}.intersection(_recipients(people, kind, task, act))
    return notified - {act.by} if act else notified


def _recipients(people: Sequence[Account], kind: str, task: Any, act: Any) -> Iterator[str]:
    if kind in _LEAD:
        yield from _holders(people, "head", task.lead_agency)
        yield from _holders(people, "clerk", task.lead_agency)
    if kind in _OFFICER:
        yield from [task.officer] if task.officer else []
    if kind in _WHO_ASSIGNED:
        yield from (task.assigner, task.entered_by)
    if kind in _HEADS_CONCERNED:
        yield from _holders(people, "head", *task.coordinating_agencies, task.monitor)
    if kind == "task.received" and act.role == "clerk":
        yield from _holders(people, "head", task.lead_agency)
    if kind == "task.reassigned":
        yield from _holders(people, "head", act.details["from_agency"])


def _holders(people: Sequence[Account], role: str, *agencies: str | None) -> Iterator[str]:
    for one in people:
        if one["role"] == role and one["agency"] is not None and one["agency"] in agencies:
            yield one["_id"]
