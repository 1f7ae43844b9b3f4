"""The aggregate: `decide` what an act records, `settle` what time has brought, `evolve` by an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from services.assignment.tasks.rules import (
    assigning,
    explanation,
    extension,
    handover,
    miss,
    receipt,
    report,
    work,
)
from services.assignment.tasks.rules.act_table import ACT_TABLE, is_open_to
from services.assignment.tasks.rules.state import SYSTEM, Fact, HistoryEntry, Task
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Command, Context, Situation
    from shared.office.access import Principal

_EVOLUTIONS: Final[Mapping[str, Callable[[Task, HistoryEntry], Task]]] = MappingProxyType(
    {
        "received": receipt.received,
        "refused": receipt.refused,
        "reassigned": handover.reassigned,
        "corrected": handover.corrected,
        "deadline_set": extension.deadline_set,
        "delegated": work.delegated,
        "progressed": work.progressed,
        "contributed": work.contributed,
        "extension_requested": extension.extension_requested,
        "extension_approved": extension.extension_approved,
        "extension_refused": extension.extension_refused,
        "reported": report.reported,
        "report_returned": report.report_returned,
        "completed": report.completed,
        "recalled": handover.recalled,
        "urged": work.urged,
        "explanation_required": miss.explanation_required,
        "explanation_submitted": explanation.explanation_submitted,
        "explanation_accepted": explanation.explanation_accepted,
        "explanation_refused": explanation.explanation_refused,
    }
)


def evolve(task: Task, entry: HistoryEntry) -> Task:
    """Return the task as the entry leaves it; each entry is one version."""
    changed = _EVOLUTIONS[entry.act](task, entry)
    return replace(changed, version=entry.sequence, updated_at=entry.at)


def replay(task_id: str, entries: Iterable[HistoryEntry]) -> Task:
    """Return the task that a whole history makes, its first entry being `assigned`."""
    first, *rest = entries
    task = assigning.assigned(task_id, first)
    for entry in rest:
        task = evolve(task, entry)
    return task


def begin(act: assigning.Assign, replaced: Task | None, context: Context) -> HistoryEntry:
    """Decide on a new task: its first entry."""
    fact = assigning.assign(act, replaced, context)
    acting_for = fact.details["assigner"] if context.actor.role is Role.COORDINATOR else None
    return _entry(fact, 1, context, acting_for)


def authorise(task: Task, act: str, actor: Principal) -> None:
    """Refuse an act that is not the actor's to do, whatever the stage."""
    if not ACT_TABLE[act].who(task, actor):
        raise Refusal(Code.NOT_PERMITTED)


def decide(task: Task, act: str, body: Command, context: Context) -> list[HistoryEntry]:
    """Return what an act records: what time brought before it, the act itself, what time brings because of it.

    Raises:
        Refusal: the act is not the caller's, not of this stage, or against a rule; nothing is recorded then.

    """
    authorise(task, act, context.actor)
    rule = ACT_TABLE[act]
    entries = settle(task, context)
    settled = _after(task, entries)
    if settled.stage not in rule.stages:
        raise Refusal(Code.WRONG_STAGE)
    rule.condition(settled, context)
    fact = rule.propose(settled, body, context)
    entries.append(_entry(fact, settled.version + 1, context, _acting_for(task, context.actor)))
    return entries + settle(_after(settled, entries[-1:]), context)


def settle(task: Task, at: Situation) -> list[HistoryEntry]:
    """Return what time has brought: nothing, or the one miss of a task's life."""
    fact = miss.miss(task, at)
    if fact is None:
        return []
    return [HistoryEntry(sequence=task.version + 1, at=at.now, act=fact.act, by=SYSTEM, details=fact.details)]


def allowed_acts(task: Task, context: Context) -> list[str]:
    """Return the acts that the caller may do at this moment, in the order of the act table."""
    settled = _after(task, settle(task, context))
    return [name for name, rule in ACT_TABLE.items() if is_open_to(rule, settled, context)]


def _after(task: Task, entries: Iterable[HistoryEntry]) -> Task:
    for entry in entries:
        task = evolve(task, entry)
    return task


def _acting_for(task: Task, actor: Principal) -> str | None:
    """Return the leader whom a coordinator acts for."""
    return task.assigner if actor.role is Role.COORDINATOR else None


def _entry(fact: Fact, sequence: int, context: Context, acting_for: str | None) -> HistoryEntry:
    actor = context.actor
    return HistoryEntry(
        sequence=sequence,
        at=context.now,
        act=fact.act,
        by=actor.username,
        role=actor.role,
        agency=actor.agency,
        acting_for=acting_for,
        details=fact.details,
    )
