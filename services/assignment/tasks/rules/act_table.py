"""The act table: who may do what to a task, in which stage, and what that records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from services.assignment.tasks.rules import explanation, extension, handover, miss, parties, receipt, report, work
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.limits import is_full
from services.assignment.tasks.rules.state import Fact, HistoryEntry, Task
from shared.office.refusal import Code
from shared.office.vocabulary import Stage

if TYPE_CHECKING:
    from shared.office.access import Principal

Evolution = Callable[[Task, HistoryEntry], Task]

_ASSIGNED, _RECEIVED, _IN_PROGRESS = Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS
_REPORTED, _REFUSED = Stage.REPORTED, Stage.REFUSED
_WORKING = frozenset({_RECEIVED, _IN_PROGRESS})
_OPEN_WITH_AGENCY = _WORKING | {_ASSIGNED}
_ANY_BUT_RECALLED = frozenset(Stage) - {Stage.RECALLED}
_NOT_CLOSED = _ANY_BUT_RECALLED - {Stage.COMPLETED}


def _nothing_against(_task: Task, _context: Context) -> Code | None:
    """Return None: the act has no further condition."""
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """An act: `who` may do it in which `stages`, what it `proposes`, and how each fact changes the task.

    `why_not` returns the code of a further condition that is not met.
    """

    who: Callable[[Task, Principal], bool]
    stages: frozenset[Stage]
    proposes: Callable[[Task, Any, Context], Fact]
    evolutions: Mapping[str, Evolution]
    why_not: Callable[[Task, Context], Code | None] = _nothing_against

    def obstacle(self, task: Task, context: Context) -> Code | None:
        """Return why the act may not be done in its stage: a condition, or the task takes nothing more that it does."""
        code = self.why_not(task, context)
        full = all(is_full(task, fact, context.caller) for fact in self.evolutions)
        return code or (Code.TASK_FULL if full else None)


ACT_TABLE: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "receipt": Rule(
            parties.is_head_or_clerk_of_lead,
            frozenset({_ASSIGNED}),
            receipt.receive,
            {"received": receipt.received},
        ),
        "refusal": Rule(
            parties.is_head_of_lead,
            frozenset({_ASSIGNED, _RECEIVED}),
            receipt.refuse,
            {"refused": receipt.refused},
            receipt.why_not_refuse,
        ),
        "reassignment": Rule(
            parties.is_decider,
            _OPEN_WITH_AGENCY | {_REFUSED},
            handover.reassign,
            {"reassigned": handover.reassigned},
            handover.why_not_reassign,
        ),
        "correction": Rule(
            parties.is_decider,
            _NOT_CLOSED,
            handover.correct,
            {"corrected": handover.corrected},
        ),
        "deadline": Rule(
            parties.is_decider,
            _OPEN_WITH_AGENCY,
            extension.set_deadline,
            {"deadline_set": extension.deadline_set},
            extension.why_not_set_deadline,
        ),
        "delegation": Rule(
            parties.is_head_of_lead,
            _WORKING,
            work.delegate,
            {"delegated": work.delegated},
        ),
        "progress": Rule(
            parties.is_officer_or_head_of_lead,
            _WORKING,
            work.make_progress,
            {"progressed": work.progressed},
        ),
        "contribution": Rule(
            parties.is_head_or_clerk_of_coordinating,
            _WORKING,
            work.contribute,
            {"contributed": work.contributed},
        ),
        "extension": Rule(
            parties.is_head_of_lead,
            _WORKING,
            extension.ask_extension,
            {"extension_requested": extension.extension_requested},
            extension.why_not_ask,
        ),
        "extension/decision": Rule(
            parties.is_decider,
            _WORKING | {_REPORTED},
            extension.decide_extension,
            {
                "extension_approved": extension.extension_approved,
                "extension_refused": extension.extension_refused,
            },
            extension.why_not_decide,
        ),
        "report": Rule(
            parties.is_head_of_lead,
            _WORKING,
            report.submit_report,
            {"reported": report.reported},
        ),
        "report/decision": Rule(
            parties.is_decider,
            frozenset({_REPORTED}),
            report.decide_report,
            {"completed": report.completed, "report_returned": report.report_returned},
            report.why_not_decide,
        ),
        "explanation": Rule(
            parties.is_head_of_lead,
            _ANY_BUT_RECALLED,
            explanation.explain,
            {"explanation_submitted": explanation.explanation_submitted},
            explanation.why_not_explain,
        ),
        "explanation/decision": Rule(
            parties.is_decider,
            _ANY_BUT_RECALLED,
            explanation.decide_explanation,
            {
                "explanation_accepted": explanation.explanation_accepted,
                "explanation_refused": explanation.explanation_refused,
            },
            explanation.why_not_decide,
        ),
        "recall": Rule(
            parties.is_decider,
            _NOT_CLOSED,
            handover.recall,
            {"recalled": handover.recalled},
        ),
        "urging": Rule(
            parties.is_decider_or_head_of_monitor,
            _OPEN_WITH_AGENCY,
            work.urge,
            {"urged": work.urged},
        ),
    }
)

EVOLUTIONS: Final[Mapping[str, Evolution]] = MappingProxyType(
    {
        **{fact: evolution for rule in ACT_TABLE.values() for fact, evolution in rule.evolutions.items()},
        "explanation_required": miss.explanation_required,
        "officer_left": work.officer_left,
    }
)
"""What each fact changes, by its name; the last two are recorded by the system and are not acts."""


def may_do(rule: Rule, task: Task, context: Context) -> bool:
    """Whether the caller may do the act now, as far as the task alone can tell."""
    fits = rule.who(task, context.caller) and task.stage in rule.stages
    return fits and rule.obstacle(task, context) is None
