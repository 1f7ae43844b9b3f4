"""What a task waits for, from whom and since when: written by hand from the contract, without `rules/waiting.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.assignment.tasks.rules.state import HistoryEntry, Task
from shared.office.access import Principal

ACT_OF: Final = {
    "receive": "receipt",
    "delegate": "delegation",
    "progress": "progress",
    "report": "report",
    "explain": "explanation",
    "reassign": "reassignment",
    "decide_extension": "extension/decision",
    "decide_report": "report/decision",
    "decide_explanation": "explanation/decision",
}
"""The kinds in the order of the contract, each with the act that the task waits for."""


def kinds_for(task: Task, caller: Principal) -> list[str]:
    """Return what the task waits for from the caller, in the order of the contract."""
    found = set(_from(task, caller)) if task.stage != "recalled" else set()
    return [kind for kind in ACT_OF if kind in found]


def has_duty(task: Task, caller: Principal) -> bool:
    """Whether the task is open and the caller has a duty in it."""
    if task.stage in {"completed", "recalled"}:
        return False
    match caller.role:
        case "head" | "clerk" | "service":
            return caller.agency == task.lead_agency
        case "officer":
            return caller.username == task.officer
        case "leader":
            return caller.username == task.assigner
        case "coordinator":
            return caller.username == task.entered_by
        case _:
            return False


def _from(task: Task, caller: Principal) -> Iterator[str]:
    match caller.role:
        case "head" | "service" if caller.agency == task.lead_agency:
            yield from _from_head(task)
        case "clerk" if caller.agency == task.lead_agency and task.stage == "assigned":
            yield "receive"
        case "officer" if caller.username == task.officer and task.stage == "in_progress" and _percent(task) < 100:
            yield "progress"
        case "coordinator":
            yield from _from_decider(task)
        case "leader" if caller.username == task.assigner:
            yield from _from_decider(task)


def _from_head(task: Task) -> Iterator[str]:
    works = task.stage in {"received", "in_progress"}
    if task.stage == "assigned":
        yield "receive"
    if task.officer is None and (task.stage == "received" or (works and task.officer_left)):
        yield "delegate"
    if task.stage == "in_progress" and task.officer is None and _percent(task) < 100:
        yield "progress"
    if works and (task.report_due_at or task.missed_at):
        yield "report"
    if task.explanation.state in {"required", "refused"}:
        yield "explain"


def _from_decider(task: Task) -> Iterator[str]:
    if task.stage == "refused":
        yield "reassign"
    if task.extension.state == "pending":
        yield "decide_extension"
    if task.stage == "reported" and task.extension.state != "pending":
        yield "decide_report"
    if task.explanation.state == "submitted":
        yield "decide_explanation"


def _percent(task: Task) -> int:
    return task.progress.percent if task.progress else 0


@dataclass
class WaitingOracle:
    """Follows a task entry by entry, and knows since when it waits for each of the people."""

    people: Sequence[Principal]
    since: dict[str, dict[str, datetime]] = field(default_factory=dict)

    def note(self, task: Task, entry: HistoryEntry) -> None:
        """Take in the task as an entry left it. A miss counts from when it happened, not from its record."""
        at = entry.details["missed_at"] if entry.act == "explanation_required" else entry.at
        for one in self.people:
            known = self.since.get(one.username, {})
            self.since[one.username] = {kind: known.get(kind, at) for kind in kinds_for(task, one)}
