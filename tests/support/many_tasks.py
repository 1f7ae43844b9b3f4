"""Twenty thousand tasks of which a hundred are open, as a province has them after some years."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.state import Progress, Report, Task
from services.assignment.tasks.rules.waiting import noted
from services.assignment.tasks.store.records import state_of
from shared.mongo import Record
from shared.office.policy import Policy
from shared.office.vocabulary import ReportState, Stage
from shared.office.workdays import WorkCalendar
from tests.bench.tasks import a_task
from tests.support.clock import MONDAY, local

NOW: Final = local(MONDAY)
CALENDAR: Final = WorkCalendar(Policy())
_CLOSED: Final = 19_900
_OPEN: Final = 100
_A_DAY: Final = 20
_AGENCIES: Final = 40
_OFFICERS: Final = 3
_LEADERS: Final = 6
_FIELDS: Final = 10
_OF_A_DOCUMENT: Final = 25
_STAGES: Final = (Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS, Stage.IN_PROGRESS, Stage.REPORTED)
"""The stages of the open tasks: none of them is refused."""


def many_tasks() -> list[Task]:
    """Return the tasks in the order in which they were assigned."""
    chance, base = random.Random(9), a_task(steps=0).task  # noqa: S311 - the same tasks in every run
    old = set(chance.sample(range(_CLOSED - 2_000), 40))
    recent = range(_CLOSED + _OPEN - (_OPEN - len(old)), _CLOSED + _OPEN)
    return [_task(base, number, chance, is_open=number in old or number in recent) for number in range(_CLOSED + _OPEN)]


def records(tasks: Sequence[Task]) -> Iterator[Record]:
    for task in tasks:
        yield {"_id": task.id, **state_of(task), "history": [], "outbox": []}


def _task(base: Task, number: int, chance: random.Random, *, is_open: bool) -> Task:
    assigned_at = NOW - timedelta(minutes=24 * 60 / _A_DAY) * (_CLOSED + _OPEN - number)
    lead, *others = chance.sample(range(_AGENCIES), 4)
    lead = 0 if chance.random() < 0.1 else lead
    given = replace(
        base,
        id=f"task-{number:05}",
        stage=Stage.ASSIGNED,
        lead_agency=f"agency-{lead}",
        coordinating_agencies=tuple(f"agency-{other}" for other in others[:2] if other != lead),
        monitor=f"agency-{others[2]}" if others[2] != lead else None,
        assigner=f"leader-{number % _LEADERS}",
        field=f"field-{(lead if chance.random() < 0.8 else number) % _FIELDS}",
        document=Document(number=f"{number // _OF_A_DOCUMENT}/QĐ"),
        assigned_at=assigned_at,
        updated_at=assigned_at,
        due_at=_due(assigned_at, chance, is_open=is_open),
    )
    return noted(_living(given, chance) if is_open else _closed(given, chance), NOW)


def _due(assigned_at: datetime, chance: random.Random, *, is_open: bool) -> datetime | None:
    if chance.random() < 0.1:
        return None
    if is_open:
        return CALENDAR.due_moment(CALENDAR.local_day(NOW) + timedelta(days=chance.randint(-20, 40)))
    return CALENDAR.due_moment(CALENDAR.local_day(assigned_at) + timedelta(days=chance.randint(3, 60)))


def _living(task: Task, chance: random.Random) -> Task:
    stage = chance.choice(_STAGES)
    changed: dict[str, Any] = {"stage": stage, "updated_at": NOW - timedelta(hours=chance.randint(1, 40))}
    if stage in {Stage.IN_PROGRESS, Stage.REPORTED}:
        changed |= {"officer": _officer(task, chance), "progress": Progress(percent=40, at=task.assigned_at)}
    if stage is Stage.REPORTED:
        submitted_at = NOW - timedelta(days=chance.randint(1, 10))
        changed["report"] = Report(state=ReportState.SUBMITTED, submitted_at=submitted_at)
    if task.due_at is not None and task.due_at < NOW:
        changed["missed_at"] = task.due_at
    return replace(task, **changed)


def _closed(task: Task, chance: random.Random) -> Task:
    days = timedelta(days=chance.randint(1, 30))
    if chance.random() < 0.04:
        return replace(task, stage=Stage.RECALLED, updated_at=min(task.assigned_at + days, NOW))
    is_late = task.due_at is not None and chance.random() < 0.1
    submitted_at = min(task.due_at + days if is_late and task.due_at else task.assigned_at + timedelta(days=2), NOW)
    return replace(
        task,
        stage=Stage.COMPLETED,
        officer=_officer(task, chance),
        missed_at=task.due_at if task.due_at and submitted_at > task.due_at else None,
        report=Report(state=ReportState.ACCEPTED, submitted_at=submitted_at),
        completed_at=submitted_at,
        updated_at=submitted_at,
    )


def _officer(task: Task, chance: random.Random) -> str:
    return f"officer-{task.lead_agency.removeprefix('agency-')}-{chance.randrange(_OFFICERS)}"
