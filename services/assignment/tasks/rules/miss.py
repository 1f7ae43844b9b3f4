"""A missed deadline. Time brings it; the next write of the task records it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.assignment.tasks.rules.state import Explanation, Fact, HistoryEntry, Task
from shared.office.vocabulary import ExplanationState, Stage

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.rules.context import Situation

_NEVER_MISSED = frozenset({Stage.REFUSED, Stage.RECALLED})


def missed_at(task: Task, now: datetime) -> datetime | None:
    """Return the moment since which the task is missed, if it is missed and no miss is recorded yet.

    No agency is blamed for a slow decision. While an extension that was requested in time waits, nothing is missed.
    A miss that a return or a refused extension brings begins with that decision.
    """
    if task.due_at is None or now <= task.due_at or task.missed_at is not None:
        return None
    if task.stage in _NEVER_MISSED or task.pending_request is not None:
        return None
    submitted = task.current_submission
    if submitted is not None and submitted <= task.due_at:
        return None
    return max([task.due_at, *_decisions(task)])


def _decisions(task: Task) -> list[datetime]:
    """Return the times of the decisions that postponed the miss."""
    moments = [request.decided_at for request in task.extension.requests]
    moments.append(task.report.decided_at)
    return [moment for moment in moments if moment is not None]


def unrecorded_miss(task: Task, at: Situation) -> Fact | None:
    """Return the miss to be recorded: an explanation falls due within its term."""
    since = missed_at(task, at.now)
    if since is None:
        return None
    due_at = at.calendar.term_ends(since, at.policy.explanation_term)
    return Fact("explanation_required", {"missed_at": since, "due_at": due_at})


def happened_at(entry: HistoryEntry) -> datetime:
    """Return when what an entry records happened: a miss happens before it is recorded."""
    return entry.details["missed_at"] if entry.act == "explanation_required" else entry.at


def explanation_required(task: Task, entry: HistoryEntry) -> Task:
    since = entry.details["missed_at"]
    explanation = Explanation(
        state=ExplanationState.REQUIRED,
        required_at=since,
        due_at=entry.details["due_at"],
        refusals=task.explanation.refusals,
    )
    return replace(task, missed_at=since, explanation=explanation)
