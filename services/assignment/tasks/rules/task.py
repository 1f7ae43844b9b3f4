"""The aggregate: `decide` what an act records, `settle` what time has brought, `evolve` by an entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from services.assignment.tasks.rules import assigning, miss, waiting, work
from services.assignment.tasks.rules.act_table import ACT_TABLE, EVOLUTIONS, may_do
from services.assignment.tasks.rules.limits import is_full
from services.assignment.tasks.rules.state import SYSTEM, Fact, HistoryEntry, Task
from services.assignment.tasks.rules.tally import tallied
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Command, Context, Situation
    from shared.office.access import Principal


def evolve(task: Task, entry: HistoryEntry) -> Task:
    """Return the task as the entry leaves it; each entry is one version."""
    changed = EVOLUTIONS[entry.act](task, entry)
    after = replace(changed, version=entry.sequence, updated_at=entry.at, tally=tallied(task.tally, entry))
    return waiting.noted(after, miss.happened_at(entry))


def replay(task_id: str, entries: Iterable[HistoryEntry]) -> Task:
    """Return the task that a whole history makes, its first entry being `assigned`."""
    *_, (task, _) = states(task_id, entries)
    return task


def states(task_id: str, entries: Iterable[HistoryEntry]) -> Iterator[tuple[Task, HistoryEntry]]:
    """Yield the task as each entry of a whole history left it, with the entry."""
    first, *rest = entries
    task = assigning.assigned(task_id, first)
    yield task, first
    for entry in rest:
        task = evolve(task, entry)
        yield task, entry


def begin(command: assigning.Assign, replaced: Task | None, context: Context) -> HistoryEntry:
    """Decide on a new task: its first entry."""
    fact = assigning.assign(command, replaced, context)
    acting_for = fact.details["assigner"] if context.caller.role is Role.COORDINATOR else None
    return _entry(fact, 1, context, acting_for)


def require_party(task: Task, act: str, caller: Principal) -> None:
    """Refuse an act that is not the caller's to do, whatever the stage."""
    if not ACT_TABLE[act].who(task, caller):
        raise Refusal(Code.NOT_PERMITTED)


def decide(task: Task, act: str, command: Command, context: Context) -> list[HistoryEntry]:
    """Return the entries that an act records.

    1. What time has brought is settled first.
    2. The act is checked against the task as it is then.
    3. What time brings because of the act is settled last.

    Raises:
        Refusal: the act is not the caller's, not of this stage, or against a rule; nothing is recorded then.

    """
    require_party(task, act, context.caller)
    rule, brought = ACT_TABLE[act], settle(task, context)
    settled = _after(task, brought)
    if settled.stage not in rule.stages:
        raise Refusal(Code.WRONG_STAGE)
    if code := rule.obstacle(settled, context):
        raise Refusal(code)
    fact = rule.proposes(settled, command, context)
    if is_full(settled, fact.name, context.caller):
        raise Refusal(Code.TASK_FULL)
    done = _entry(fact, settled.version + 1, context, _acting_for(task, context))
    return [*brought, done, *settle(evolve(settled, done), context)]


def settle(task: Task, at: Situation) -> list[HistoryEntry]:
    """Return what time has brought: nothing, or the one miss of a task's life."""
    fact = miss.unrecorded_miss(task, at)
    return [_by_system(fact, task, at)] if fact else []


def take_back(task: Task, officer: str, at: Situation) -> list[HistoryEntry]:
    """Return what is recorded when an officer has left: nothing, unless the task is open and handed to this officer."""
    if task.officer != officer or not task.is_open:
        return []
    brought = settle(task, at)
    return [*brought, _by_system(work.officer_leaves(officer), _after(task, brought), at)]


def allowed_acts(task: Task, context: Context) -> list[str]:
    """Return the acts that the caller may do at this moment, in the order of the act table."""
    settled = _after(task, settle(task, context))
    return [name for name, rule in ACT_TABLE.items() if may_do(rule, settled, context)]


def _by_system(fact: Fact, task: Task, at: Situation) -> HistoryEntry:
    return HistoryEntry(sequence=task.version + 1, at=at.now, act=fact.name, by=SYSTEM, details=fact.details)


def _after(task: Task, entries: Iterable[HistoryEntry]) -> Task:
    for entry in entries:
        task = evolve(task, entry)
    return task


def _acting_for(task: Task, context: Context) -> str | None:
    """Return the leader whom a coordinator acts for."""
    return task.assigner if context.caller.role is Role.COORDINATOR else None


def _entry(fact: Fact, sequence: int, context: Context, acting_for: str | None) -> HistoryEntry:
    caller = context.caller
    return HistoryEntry(
        sequence=sequence,
        at=context.now,
        act=fact.name,
        by=caller.username,
        role=caller.role,
        agency=caller.agency,
        acting_for=acting_for,
        details=fact.details,
    )
