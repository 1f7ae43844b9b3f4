"""The summary counted a second time, task by task, from the words of the contract. It shares no code with reporting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from shared.events.envelope import Event
from shared.events.task import Task, TaskChanged

Row = dict[str, Any]


def local_day(moment: datetime) -> date:
    return (moment + timedelta(hours=7)).date()


def tasks_held(events: Iterable[Event[TaskChanged]], as_of: datetime | None) -> list[Task]:
    """Return each task as its last version recorded by `as_of` left it."""
    last: dict[str, Event[TaskChanged]] = {}
    for event in events:
        known = last.get(event.subject)
        if (as_of is None or event.time <= as_of) and (known is None or int(event.sequence) > int(known.sequence)):
            last[event.subject] = event
    return [event.data.task for event in last.values()]


def rows_of(
    tasks: Iterable[Task], now: datetime, group_by: str, period_by: str, first: date | None, last: date | None
) -> dict[str | None, Row]:
    """Return the rows by key."""
    groups: defaultdict[str | None, list[Task]] = defaultdict(list)
    for task in tasks:
        if in_period(task, period_by, first, last):
            groups[key_of(task, group_by, period_by)].append(task)
    return {key: row_of(members, now) for key, members in groups.items()}


def moment_named(task: Task, period_by: str) -> datetime | None:
    return {"assigned": task.assigned_at, "due": task.due_at, "completed": task.completed_at}[period_by]


def in_period(task: Task, period_by: str, first: date | None, last: date | None) -> bool:
    if first is None and last is None:
        return True
    moment = moment_named(task, period_by)
    if moment is None:
        return False
    return (first or date.min) <= local_day(moment) <= (last or date.max)


def key_of(task: Task, group_by: str, period_by: str) -> str | None:
    if group_by == "month":
        moment = moment_named(task, period_by)
        return None if moment is None else local_day(moment).strftime("%Y-%m")
    if group_by == "document":
        if task.document is None:
            return None
        issued_on = task.document.issued_on
        return task.document.number + (f" ({issued_on})" if issued_on else "")
    return {"agency": task.lead_agency, "assigner": task.assigner, "field": task.field}[group_by]


def judge(task: Task, now: datetime) -> str:  # noqa: PLR0911 - the rows of the contract's table
    submitted = task.report.submitted_at if task.report.state in {"submitted", "accepted"} else None
    if task.stage == "recalled":
        return "recalled"
    if task.stage == "completed":
        in_time = task.due_at is None or (submitted is not None and submitted <= task.due_at)
        return "completed_on_time" if in_time else "completed_late"
    if task.due_at is None:
        return "no_deadline"
    if task.stage == "reported" and submitted is not None:
        return "on_track" if submitted <= task.due_at else "overdue"
    if now > task.due_at:
        return "overdue"
    if local_day(now) == local_day(task.due_at):
        return "due_today"
    return "due_soon" if weekdays_after(local_day(now), local_day(task.due_at)) <= 3 else "on_track"


def weekdays_after(start: date, end: date) -> int:
    days = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    return len([day for day in days if day.weekday() < 5])


def row_of(tasks: list[Task], now: datetime) -> Row:
    judged = [(task, judge(task, now)) for task in tasks]

    def number(value: str) -> int:
        return len([1 for _, found in judged if found == value])

    def explaining(task: Task) -> bool:
        return task.explanation.state in {"required", "refused"} and task.stage != "recalled"

    due = [task for task in tasks if explaining(task)]
    on_time = len([1 for task, found in judged if found == "completed_on_time" and task.due_at])
    done, late = on_time + number("completed_late"), number("overdue")
    return {
        "total": len(tasks),
        "no_deadline": number("no_deadline"),
        "on_track": number("on_track"),
        "due_soon": number("due_soon"),
        "due_today": number("due_today"),
        "overdue": number("overdue"),
        "completed_on_time": number("completed_on_time"),
        "completed_late": number("completed_late"),
        "recalled": number("recalled"),
        "missed": len([task for task in tasks if task.missed_at]),
        "not_received": len([task for task in tasks if task.stage == "assigned"]),
        "awaiting_acceptance": len([task for task in tasks if task.stage == "reported"]),
        "finished_unreported": len(
            [task for task in tasks if task.stage == "in_progress" and task.report_due_at and task.report_due_at < now]
        ),
        "extensions_requested": sum(len(task.extension.requests) for task in tasks),
        "extensions_approved": len(
            [1 for task in tasks for asked in task.extension.requests if asked.state == "approved"]
        ),
        "reports_returned": sum(task.report.returns for task in tasks),
        "explanations_due": len(due),
        "explanations_overdue": len(
            [task for task in due if task.explanation.due_at and now > task.explanation.due_at]
        ),
        "urgings": sum(task.urgings for task in tasks),
        "completion_rate": round(done / (done + late), 4) if done + late else None,
        "on_time_rate": round(on_time / (done + late), 4) if done + late else None,
    }
