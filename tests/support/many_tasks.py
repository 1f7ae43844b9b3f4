"""Twenty thousand tasks of which a hundred are open, as a province has them after some years."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.state import Explanation, Extension, ExtensionRequest, Progress, Report, Task
from services.assignment.tasks.rules.waiting import noted
from services.assignment.tasks.store.records import state_of
from shared.mongo import Record
from shared.office.policy import Policy
from shared.office.vocabulary import (
    Authority,
    DueKind,
    ExplanationState,
    ExtensionState,
    Priority,
    ReportState,
    RequestState,
    Stage,
)
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
_HALF: Final = 0.5
_ONE_IN_FIVE: Final = 0.2
_ONE_IN_TEN: Final = 0.1
_ONE_IN_A_HUNDRED: Final = 0.01
_EPIDEMIC: Final = range(3_000, 5_000)
"""The tasks of a hundred days, long ago."""
_REQUEST: Final = ExtensionRequest(
    id="1",
    state=RequestState.PENDING,
    asked_at=NOW,
    from_deadline=None,
    new_deadline=None,
    new_due_kind=DueKind.MOMENT,
    new_due_at=NOW,
    reason="Chờ số liệu",
)


def many_tasks() -> list[Task]:
    """Return the tasks in the order in which they were assigned."""
    chance, base = random.Random(9), a_task(steps=0).task  # noqa: S311 - the same tasks in every run
    old = set(chance.sample(range(_CLOSED - 2_000), 40))
    recent = range(_CLOSED + _OPEN - (_OPEN - len(old)), _CLOSED + _OPEN)
    made = [_task(base, number, chance, is_open=number in old or number in recent) for number in range(_CLOSED + _OPEN)]
    return [noted(_varied(task, number, chance), NOW) for number, task in enumerate(made)]


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
    return _living(given, chance) if is_open else _closed(given, chance)


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


def _varied(task: Task, number: int, chance: random.Random) -> Task:
    """Return the task with what few tasks have, and with words of its own."""
    given = number // _OF_A_DOCUMENT
    varied = replace(
        task,
        title=_title(number, chance),
        priority=chance.choices([*Priority], [90, *[10 / (len(Priority) - 1)] * (len(Priority) - 1)])[0],
        authority=chance.choices([*Authority, None], [1, 45, 44, 10])[0],
        batch=f"batch-{given}" if given % 4 == 0 else None,
        extension=Extension(state=chance.choices([ExtensionState.NONE, ExtensionState.USED], [85, 15])[0]),
    )
    return _also_open(_explained(varied, chance), chance)


def _explained(task: Task, chance: random.Random) -> Task:
    """Return the task with what was written because of its miss; most of it was accepted in the end."""
    if task.missed_at is None:
        return task
    states = [ExplanationState.ACCEPTED] if task.stage is Stage.COMPLETED else [*ExplanationState][1:]
    return replace(task, explanation=Explanation(state=chance.choice(states), required_at=task.missed_at))


def _also_open(task: Task, chance: random.Random) -> Task:
    """Return an open task with what only open ones have: finished and not reported, handed to nobody, asking."""
    if task.stage is not Stage.IN_PROGRESS:
        return task
    changed: dict[str, Any] = {}
    if chance.random() < _ONE_IN_FIVE:
        changed |= {"officer": None}
    if chance.random() < _ONE_IN_FIVE:
        changed |= {"extension": Extension(state=ExtensionState.PENDING, requests=(_REQUEST,))}
    if chance.random() < _HALF:
        due_at = NOW + timedelta(days=chance.randint(-3, 3))
        changed |= {"progress": Progress(percent=100, at=task.assigned_at), "report_due_at": due_at}
    return replace(task, **changed)


def _title(number: int, chance: random.Random) -> str:
    """Return a title: of all tasks, of one in ten, of one in a hundred, of a few months, and of this task alone."""
    words = ["Báo cáo"]
    words += ["tình hình giải ngân"] * (chance.random() < _ONE_IN_TEN)
    words += ["đột xuất"] * (chance.random() < _ONE_IN_A_HUNDRED)
    words += ["phòng, chống dịch"] * (number in _EPIDEMIC)
    return " ".join([*words, "dự án", str(number)])


def _officer(task: Task, chance: random.Random) -> str:
    return f"officer-{task.lead_agency.removeprefix('agency-')}-{chance.randrange(_OFFICERS)}"
