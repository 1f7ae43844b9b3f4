"""Pages of lists at a million tasks of which five thousand are open, one request after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from services.assignment.tasks.store import INDEXES, TASKS
from shared.clock import true_now
from shared.events.envelope import rfc3339
from tests.bench.findings import Aim, Finding
from tests.bench.installation import Installation
from tests.bench.rounds import in_ms
from tests.bench.tasks import CALENDAR, fill
from tests.bench.years_of_tasks import AGENCY, OFFICER_OF_ANOTHER, years_of_tasks

TASKS_IN_ALL: Final = 1_000_000
OPEN_TASKS: Final = 5_000
_REQUESTS: Final = 25
_AIM: Final = Aim(30, at_most=True)


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only()
    await _fill(installation)
    await installation.only("assignment")
    return [await _asked(installation, who, what, query) for who, what, query in _lists()]


async def _fill(installation: Installation) -> None:
    """Insert the tasks first and make the indexes afterwards: the other way takes several times as long."""
    database = installation.database("assignment")
    await database[TASKS].drop_indexes()
    await fill(database[TASKS], years_of_tasks(TASKS_IN_ALL, OPEN_TASKS))
    # Not by a client of the services: it gives up after 30 seconds.
    await database[TASKS].create_indexes([index.model() for index in INDEXES if index.collection == TASKS])


def _lists() -> list[tuple[str, str, Mapping[str, str]]]:
    """Return who asks, what it is called, and the query: the table of `docs/performance.md`, line by line."""
    monday = CALENDAR.local_day(true_now()) + timedelta(days=7 - CALENDAR.local_day(true_now()).weekday())
    next_week = {"due_from": monday.isoformat(), "due_to": (monday + timedelta(days=6)).isoformat()}
    overdue, by_due = {"timeliness": "overdue"}, {"sort": "due_at"}
    return [
        ("chair", "newest", {}),
        ("chair", "by due moment", by_due),
        ("chair", "overdue, by due moment", overdue | by_due),
        ("chair", "overdue, newest first", overdue),
        ("chair", "due soon, by due moment", {"timeliness": "due_soon"} | by_due),
        ("chair", "due soon, newest first", {"timeliness": "due_soon"}),
        ("chair", "without a deadline", {"timeliness": "no_deadline"}),
        ("chair", "stage refused (none there)", {"stage": "refused"}),
        ("chair", "stage recalled", {"stage": "recalled"}),
        ("chair", "completed late", {"timeliness": "completed_late"}),
        ("chair", "due next week, newest first", next_week),
        ("chair", "due next week, by due moment", next_week | by_due),
        ("chair", "a field nobody has", {"field": "Không có"}),
        ("chair", "a field nobody has, by due moment", {"field": "Không có"} | by_due),
        ("chair", "one document", {"document": "2500/QĐ"}),
        ("chair", "waiting for the caller", {"waiting": "me"}),
        ("chair", "waiting for others", {"waiting": "others"}),
        ("chair", "assigned by the caller", {"assigner": "chair"} | by_due),
        ("chair", "led by an agency", {"lead_agency": AGENCY}),
        ("chair", "led by an agency, overdue", {"lead_agency": AGENCY} | overdue),
        ("chair", "of an officer, overdue", {"officer": OFFICER_OF_ANOTHER} | overdue),
        ("head-stc", "newest", {}),
        ("head-stc", "overdue, by due moment", overdue | by_due),
        ("head-stc", "stage refused (none there)", {"stage": "refused"}),
        ("head-stc", "completed late", {"timeliness": "completed_late"}),
        ("head-stc", "a field nobody has", {"field": "Không có"}),
        ("head-stc", "of one assigner", {"assigner": "vice-chair"}),
        ("head-stc", "waiting for the caller", {"waiting": "me"}),
        ("officer-stc", "newest", {}),
        ("officer-stc", "overdue, by due moment", overdue | by_due),
        ("officer-stc", "stage refused (none there)", {"stage": "refused"}),
        ("program-stc", "changed in the last hour", {"updated_since": rfc3339(true_now() - timedelta(hours=1))}),
    ]


async def _asked(installation: Installation, who: str, what: str, query: Mapping[str, str]) -> Finding:
    client, latencies, shown = installation.stack.as_(who), [], 0
    for _ in range(_REQUESTS + 1):
        began = time.perf_counter()
        answer = (await client.get("/v1/tasks", **query)).raise_for_status()
        latencies.append(time.perf_counter() - began)
        shown = len(answer.json()["items"])
    found = in_ms(latencies[1:])
    remark = f"p99 {found['p99_ms']:.1f} ms; {shown} shown"
    return Finding(f"{who}: {what}, p50", found["p50_ms"], "ms", _AIM, remark, {**found, "shown": shown})
