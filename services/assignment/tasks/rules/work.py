"""Carrying a task out: handing it to an officer, and taking it back, progress, contributions, urging."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.state import Fact, HistoryEntry, Progress, Task
from shared.office.refusal import FieldCode, invalid
from shared.office.vocabulary import Role, Stage

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.rules.context import Context, KnownAccount

FINISHED: Final = 100
"""The percentage at which an officer has nothing more to do."""


@dataclass(frozen=True, slots=True)
class Delegate(Command):
    officer: str
    instruction: str

    def named_accounts(self) -> Iterable[str]:
        return (self.officer,)


@dataclass(frozen=True, slots=True)
class MakeProgress(Command):
    percent: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Contribute(Command):
    note: str


@dataclass(frozen=True, slots=True)
class Urge(Command):
    message: str


def delegate(task: Task, command: Delegate, context: Context) -> Fact:
    """Hand the task to an officer of the lead agency.

    Anybody else is refused with one answer: it does not tell who has an account elsewhere.
    """
    if not is_officer_of(task.lead_agency, context.accounts.get(command.officer)):
        raise invalid("officer", FieldCode.NOT_AN_OFFICER)
    return Fact("delegated", {**asdict(command), "from_officer": task.officer})


def delegated(task: Task, entry: HistoryEntry) -> Task:
    return replace(task, stage=Stage.IN_PROGRESS, officer=entry.details["officer"], officer_left=False)


def is_officer_of(agency: str, account: KnownAccount | None) -> bool:
    """Whether an account that can be used, if there is one, is an officer of the agency."""
    return account is not None and account.role is Role.OFFICER and account.agency == agency


def officer_leaves(officer: str) -> Fact:
    return Fact("officer_left", {"officer": officer})


def officer_left(task: Task, _entry: HistoryEntry) -> Task:
    """Hand the task to nobody; stage and progress stay."""
    return replace(task, officer=None, officer_left=True)


def make_progress(task: Task, command: MakeProgress, context: Context) -> Fact:
    due = report_due(task.report_due_at, command.percent, context)
    return Fact("progressed", {**asdict(command), "report_due_at": due})


def report_due(already: datetime | None, percent: int, context: Context) -> datetime | None:
    """Return when finished work must be reported, None below 100 %. A repeated 100 % keeps the first moment."""
    if percent < FINISHED:
        return None
    return already or context.calendar.term_ends(context.now, context.policy.report_term)


def progressed(task: Task, entry: HistoryEntry) -> Task:
    details = entry.details
    return replace(
        task,
        stage=Stage.IN_PROGRESS,
        progress=Progress(percent=details["percent"], note=details["note"], at=entry.at),
        report_due_at=details["report_due_at"],
    )


def contribute(_task: Task, command: Contribute, _context: Context) -> Fact:
    return Fact("contributed", asdict(command))


def contributed(task: Task, _entry: HistoryEntry) -> Task:
    return replace(task, contributions=task.contributions + 1)


def urge(_task: Task, command: Urge, _context: Context) -> Fact:
    return Fact("urged", asdict(command))


def urged(task: Task, _entry: HistoryEntry) -> Task:
    return replace(task, urgings=task.urgings + 1)
