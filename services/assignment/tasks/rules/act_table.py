"""The act table: who may do what to a task, and in which stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from services.assignment.tasks.rules import explanation, extension, handover, parties, receipt, report, work
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.state import Fact, Task
from shared.office.refusal import Refusal
from shared.office.vocabulary import Stage

if TYPE_CHECKING:
    from shared.office.access import Principal

_ASSIGNED, _RECEIVED, _IN_PROGRESS = Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS
_REPORTED, _REFUSED = Stage.REPORTED, Stage.REFUSED
_WORKING = frozenset({_RECEIVED, _IN_PROGRESS})
_OPEN_WITH_AGENCY = _WORKING | {_ASSIGNED}
_ANY_BUT_RECALLED = frozenset(Stage) - {Stage.RECALLED}
_NOT_CLOSED = _ANY_BUT_RECALLED - {Stage.COMPLETED}


def _nothing_more(_task: Task, _context: Context) -> None:
    """No further condition."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An act: `who` may do it in which `stages`, on what further `condition`, and what it records."""

    who: Callable[[Task, Principal], bool]
    stages: frozenset[Stage]
    propose: Callable[[Task, Any, Context], Fact]
    condition: Callable[[Task, Context], None] = _nothing_more


ACT_TABLE: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "receipt": Rule(parties.head_or_clerk_of_lead, frozenset({_ASSIGNED}), receipt.receive),
        "refusal": Rule(
            parties.head_of_lead, frozenset({_ASSIGNED, _RECEIVED}), receipt.refuse, receipt.may_still_refuse
        ),
        "reassignment": Rule(
            parties.decider, _OPEN_WITH_AGENCY | {_REFUSED}, handover.reassign, handover.may_still_reassign
        ),
        "correction": Rule(parties.decider, _NOT_CLOSED, handover.correct),
        "deadline": Rule(parties.decider, _OPEN_WITH_AGENCY, extension.set_deadline, extension.has_no_deadline_yet),
        "delegation": Rule(parties.head_of_lead, _WORKING, work.delegate),
        "progress": Rule(parties.officer_or_head_of_lead, _WORKING, work.make_progress),
        "contribution": Rule(parties.head_or_clerk_of_coordinating, _WORKING, work.contribute),
        "extension": Rule(parties.head_of_lead, _WORKING, extension.ask_extension, extension.may_ask),
        "extension/decision": Rule(
            parties.decider, _WORKING | {_REPORTED}, extension.decide_extension, extension.a_request_waits
        ),
        "report": Rule(parties.head_of_lead, _WORKING, report.submit_report),
        "report/decision": Rule(parties.decider, frozenset({_REPORTED}), report.decide_report, report.no_request_waits),
        "explanation": Rule(parties.head_of_lead, _ANY_BUT_RECALLED, explanation.explain, explanation.is_owed),
        "explanation/decision": Rule(
            parties.decider, _ANY_BUT_RECALLED, explanation.decide_explanation, explanation.awaits_ruling
        ),
        "recall": Rule(parties.decider, _NOT_CLOSED, handover.recall),
        "urging": Rule(parties.decider_or_head_of_monitor, _OPEN_WITH_AGENCY, work.urge),
    }
)


def is_open_to(rule: Rule, task: Task, context: Context) -> bool:
    """Return whether the caller may do the act now, as far as the task alone can tell."""
    if not rule.who(task, context.actor) or task.stage not in rule.stages:
        return False
    try:
        rule.condition(task, context)
    except Refusal:
        return False
    return True
