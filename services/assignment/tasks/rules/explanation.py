"""The written explanation that the lead agency owes for a missed deadline, and the ruling on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.rules.assigning import document_details
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.limits import must_take_a_return
from services.assignment.tasks.rules.state import Document, Explanation, Fact, HistoryEntry, IsoDay, Task
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import Cause, ExplanationState

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class Explain(Command):
    cause: Cause
    narrative: str
    remedy: str
    expected_finish: IsoDay | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class DecideExplanation(Command):
    """`directive` removes the difficulty; a refusal needs its reason."""

    accepted: bool
    reason: str | None = None
    directive: str | None = None


def is_owed(task: Task, _context: Context) -> None:
    if task.explanation.state not in {ExplanationState.REQUIRED, ExplanationState.REFUSED}:
        raise Refusal(Code.WRONG_STAGE)


def explain(_task: Task, act: Explain, _context: Context) -> Fact:
    return Fact(
        "explanation_submitted",
        {
            "cause": act.cause,
            "narrative": act.narrative,
            "remedy": act.remedy,
            "expected_finish": act.expected_finish,
            "document": document_details(act.document),
        },
    )


def explanation_submitted(task: Task, entry: HistoryEntry) -> Task:
    details: dict[str, Any] = dict(entry.details)
    document = details.pop("document")
    cause = Cause(details.pop("cause"))
    explanation = Explanation(
        state=ExplanationState.SUBMITTED,
        required_at=task.explanation.required_at,
        due_at=task.explanation.due_at,
        submitted_at=entry.at,
        cause=cause,
        document=Document(**document) if document else None,
        directive=task.explanation.directive,
        refusals=task.explanation.refusals,
        **details,
    )
    return replace(task, explanation=explanation)


def awaits_ruling(task: Task, _context: Context) -> None:
    if task.explanation.state is not ExplanationState.SUBMITTED:
        raise Refusal(Code.WRONG_STAGE)


def decide_explanation(task: Task, act: DecideExplanation, context: Context) -> Fact:
    """Accept, or refuse: then another one is due after the same term."""
    if act.accepted:
        return Fact("explanation_accepted", {"reason": act.reason, "directive": act.directive})
    must_take_a_return(task)
    if act.reason is None:
        raise invalid("reason", FieldCode.MISSING)
    due_at = context.calendar.term_ends(context.now, context.policy.explanation_term)
    return Fact("explanation_refused", {"reason": act.reason, "directive": act.directive, "due_at": due_at})


def explanation_accepted(task: Task, entry: HistoryEntry) -> Task:
    return _ruled(task, entry, ExplanationState.ACCEPTED)


def explanation_refused(task: Task, entry: HistoryEntry) -> Task:
    ruled = _ruled(task, entry, ExplanationState.REFUSED)
    again = replace(ruled.explanation, due_at=entry.details["due_at"], refusals=task.explanation.refusals + 1)
    return replace(ruled, explanation=again)


def _ruled(task: Task, entry: HistoryEntry, state: ExplanationState) -> Task:
    directive = entry.details["directive"]
    explanation = replace(task.explanation, state=state, decided_at=entry.at, directive=directive)
    return replace(task, explanation=explanation)
