"""The written explanation that the lead agency owes for a missed deadline, and the decision on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.days import require_issued, require_to_come
from services.assignment.tasks.rules.particulars import Document, IsoDay
from services.assignment.tasks.rules.reason import require_reason
from services.assignment.tasks.rules.state import Explanation, Fact, HistoryEntry, Task
from shared.office.refusal import Code
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


def why_not_explain(task: Task, _context: Context) -> Code | None:
    """Return `wrong-stage` if no explanation is owed."""
    owed = task.explanation.state in {ExplanationState.REQUIRED, ExplanationState.REFUSED}
    return None if owed else Code.WRONG_STAGE


def explain(_task: Task, command: Explain, context: Context) -> Fact:
    require_to_come(command.expected_finish, context)
    require_issued(command.document, context)
    return Fact("explanation_submitted", asdict(command))


def explanation_submitted(task: Task, entry: HistoryEntry) -> Task:
    """Keep what was written; the terms and the last directive stay."""
    details: dict[str, Any] = dict(entry.details)
    explanation = Explanation(
        state=ExplanationState.SUBMITTED,
        required_at=task.explanation.required_at,
        due_at=task.explanation.due_at,
        submitted_at=entry.at,
        cause=Cause(details.pop("cause")),
        document=Document.of(details.pop("document")),
        directive=task.explanation.directive,
        refusals=task.explanation.refusals,
        **details,
    )
    return replace(task, explanation=explanation)


def why_not_decide(task: Task, _context: Context) -> Code | None:
    """Return `wrong-stage` if no explanation waits for a decision."""
    return None if task.explanation.state is ExplanationState.SUBMITTED else Code.WRONG_STAGE


def decide_explanation(_task: Task, command: DecideExplanation, context: Context) -> Fact:
    """Accept, or refuse: then another one is due after the same term."""
    if command.accepted:
        return Fact("explanation_accepted", {"reason": command.reason, "directive": command.directive})
    reason = require_reason(command.reason)
    due_at = context.calendar.term_ends(context.now, context.policy.explanation_term)
    return Fact("explanation_refused", {"reason": reason, "directive": command.directive, "due_at": due_at})


def explanation_accepted(task: Task, entry: HistoryEntry) -> Task:
    return _decided(task, entry, ExplanationState.ACCEPTED)


def explanation_refused(task: Task, entry: HistoryEntry) -> Task:
    decided = _decided(task, entry, ExplanationState.REFUSED)
    again = replace(decided.explanation, due_at=entry.details["due_at"], refusals=task.explanation.refusals + 1)
    return replace(decided, explanation=again)


def _decided(task: Task, entry: HistoryEntry, state: ExplanationState) -> Task:
    directive = entry.details["directive"]
    explanation = replace(task.explanation, state=state, decided_at=entry.at, directive=directive)
    return replace(task, explanation=explanation)
