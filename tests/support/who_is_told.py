"""Who is told of what: the office's rule once more, ordered by who is told, to judge what notification did by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_LEAD: Final = frozenset(
    {
        *("task.assigned", "task.reassigned", "task.corrected", "task.deadline_set", "task.recalled", "task.urged"),
        *("task.report_returned", "task.completed", "task.extension_approved", "task.extension_refused"),
        *("task.explanation_required", "task.explanation_accepted", "task.explanation_refused"),
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


class Readers:
    """The people of the province, found by their place in a task."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        people = [one for one in accounts if one["role"] != "service" and not one["disabled"]]
        self._names: set[str] = {one["_id"] for one in people}
        self._holders: dict[tuple[str, str | None], set[str]] = {}
        for one in people:
            self._holders.setdefault((one["role"], one["agency"]), set()).add(one["_id"])

    def told(self, kind: str, task: Any, act: Any = None) -> set[str]:
        """Return who is told: `task` is as the event left it, `act` what happened, if somebody acted."""
        told = self._names.intersection(self._places(kind, task, act))
        return told - {act.by} if act else told

    def _places(self, kind: str, task: Any, act: Any) -> Iterator[str]:
        if kind in _LEAD:
            yield from self._heads(task.lead_agency)
            yield from self._holders.get(("clerk", task.lead_agency), ())
        if kind in _OFFICER:
            yield from [task.officer] if task.officer else []
        if kind in _WHO_ASSIGNED:
            yield from (task.assigner, task.entered_by)
        if kind in _HEADS_CONCERNED:
            yield from self._heads(*task.coordinating_agencies, task.monitor)
        if kind == "task.received" and act.role == "clerk":
            yield from self._heads(task.lead_agency)
        if kind == "task.reassigned":
            yield from self._heads(act.details["from_agency"])

    def _heads(self, *agencies: str | None) -> Iterator[str]:
        for agency in agencies:
            yield from self._holders.get(("head", agency), ()) if agency else ()
