"""Receiving a task, or refusing it as not within the agency's competence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.extension import lapse
from services.assignment.tasks.rules.state import Fact, HistoryEntry, Task
from shared.office.refusal import Code
from shared.office.vocabulary import Stage

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class Receive(Command):
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Refuse(Command):
    reason: str


def receive(_task: Task, command: Receive, _context: Context) -> Fact:
    return Fact("received", asdict(command))


def received(task: Task, entry: HistoryEntry) -> Task:
    return replace(task, stage=Stage.RECEIVED, received_at=entry.at)


def why_not_refuse(task: Task, context: Context) -> Code | None:
    """Return `deadline-passed` after the receipt term or the due moment: by then the agency has the task."""
    too_late = context.now > task.receipt_due_at or task.is_past_due(context.now)
    return Code.DEADLINE_PASSED if too_late else None


def refuse(_task: Task, command: Refuse, _context: Context) -> Fact:
    return Fact("refused", asdict(command))


def refused(task: Task, _entry: HistoryEntry) -> Task:
    return replace(lapse(task), stage=Stage.REFUSED)
