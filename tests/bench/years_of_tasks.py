"""As many tasks as a province has after some years, of which few are open: copies of tasks that the rules made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

from services.assignment.tasks.rules.waiting import noted
from services.assignment.tasks.store.records import state_of, to_task
from shared.clock import true_now
from shared.office.timeliness import NO_DUE
from tests.bench.tasks import CALENDAR, OFFICER, a_task

AGENCY: Final = "stc"
OFFICER_OF_ANOTHER: Final = "officer-7-3"
_AGENCIES: Final = 200
_OFFICERS: Final = 25
_LEADERS: Final = ("chair", "vice-chair", *(f"leader-{number}" for number in range(4)))
_FIELDS: Final = 20
_OF_A_DOCUMENT: Final = 40
_DAYS: Final = 1_000
_A_MILLISECOND: Final = timedelta(milliseconds=1)
_OPEN_STAGES: Final = ("assigned", "received", "in_progress", "in_progress", "reported")
"""The stages of open tasks: none is refused."""


def years_of_tasks(total: int, still_open: int) -> Iterator[dict[str, Any]]:
    """Yield the records, in the order of their assignment. Most open tasks are among the latest."""
    chance, now = random.Random(1), true_now()  # noqa: S311 - the same tasks in every run
    template = {**a_task().document(), "description": "", "history": [], "waits": [], "waiting": [], "work": []}
    latest = total - still_open * 4 // 5
    old = set(chance.sample(range(latest), still_open - (total - latest)))
    for number in range(total):
        assigned_at = _whole(now - timedelta(days=_DAYS * (total - number) / total))
        record = {**template, **_given(number, assigned_at, chance)}
        is_open = number >= latest or number in old
        yield {**record, **(_living(record, now, chance) if is_open else _closed(record, now, chance))}


def _given(number: int, assigned_at: datetime, chance: random.Random) -> dict[str, Any]:
    lead = chance.randrange(_AGENCIES)
    others = [(lead + chance.randrange(1, 60) + 60 * each) % _AGENCIES for each in range(3)]
    concerned = [_agency(each) for each in (lead, *others)]
    officer = chance.randrange(_OFFICERS)
    return {
        "_id": f"task-{number:07}",
        "lead_agency": concerned[0],
        "coordinating_agencies": concerned[1:3],
        "monitor": concerned[3],
        "agencies": concerned,
        "assigner": _LEADERS[number % len(_LEADERS)],
        "officer": OFFICER if lead == officer == 0 else f"officer-{lead}-{officer}",
        "field": f"Lĩnh vực {(lead if chance.random() < 0.8 else number) % _FIELDS}",
        "document": {"number": f"{number // _OF_A_DOCUMENT}/QĐ", "issued_on": "2026-11-02", "summary": None},
        "assigned_at": assigned_at,
        "updated_at": assigned_at,
    }


def _agency(number: int) -> str:
    return f"agency-{number}" if number else AGENCY


@cache
def _end_of(day: date) -> datetime:
    return CALENDAR.end_of_day(day)


def _due(since: datetime, days: int, chance: random.Random) -> dict[str, Any]:
    due_at = None if chance.random() < 0.1 else _end_of(since.date() + timedelta(days=days))
    return {"due_at": due_at, "due_order": due_at or NO_DUE}


def _living(record: dict[str, Any], now: datetime, chance: random.Random) -> dict[str, Any]:
    stage = chance.choice(_OPEN_STAGES)
    due = _due(now, chance.randint(-20, 40), chance)
    is_late = due["due_at"] is not None and due["due_at"] < now
    submitted = {"state": "submitted", "submitted_at": now - timedelta(days=chance.randint(1, 9))}
    living = {
        **record,
        **due,
        "stage": stage,
        "updated_at": _whole(now - timedelta(minutes=chance.randint(1, 10_000))),
        "missed_at": due["due_at"] if is_late else None,
        "report": {**record["report"], **(submitted if stage == "reported" else {})},
        "officer": record["officer"] if stage in {"in_progress", "reported"} else None,
    }
    return state_of(noted(to_task(living), living["updated_at"]))


def _closed(record: dict[str, Any], now: datetime, chance: random.Random) -> dict[str, Any]:
    assigned_at = record["assigned_at"]
    due, days = _due(assigned_at, chance.randint(5, 60), chance), timedelta(days=chance.randint(1, 30))
    if chance.random() < 0.04:
        return {**due, "stage": "recalled", "updated_at": min(assigned_at + days, now), "officer": None}
    is_late = due["due_at"] is not None and chance.random() < 0.1
    done = min(due["due_at"] + days if is_late else assigned_at + timedelta(days=2), now - _A_MILLISECOND)
    return {
        **due,
        "stage": "completed",
        "updated_at": done,
        "completed_at": done,
        "missed_at": due["due_at"] if due["due_at"] and done > due["due_at"] else None,
        "report": {**record["report"], "state": "accepted", "submitted_at": done},
    }


def _whole(moment: datetime) -> datetime:
    """Cut a moment to whole milliseconds, as MongoDB keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
