"""Tasks as the events of assignment carry them, for tests of deadline and of reporting."""

from datetime import UTC, date, datetime
from typing import Any

from shared.events.envelope import Event
from shared.events.names import task_event
from shared.events.task import Explanation, Extension, HistoryEntry, Report, Task, TaskChanged
from shared.office.policy import Policy
from shared.office.vocabulary import DueKind, ExplanationState, ExtensionState, Priority, ReportState, Role, Stage
from shared.office.workdays import WorkCalendar

CALENDAR = WorkCalendar(Policy())
NO_EXPLANATION = Explanation(state=ExplanationState.NONE)
NO_REPORT = Report(state=ReportState.NONE)


def local(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """Return the moment of an hour in Hà Nội."""
    return CALENDAR.start_of_day(day, hour).replace(minute=minute)


# Assigned at nine on Monday 7 December 2026, due on Friday 18 December; no holiday in between.
ASSIGNED_AT = local(date(2026, 12, 7))
DUE_AT = CALENDAR.end_of_day(date(2026, 12, 18))
RECEIPT_DUE_AT = CALENDAR.end_of_day(date(2026, 12, 8))


def a_task(task_id: str = "t-1", **changes: Any) -> Task:
    plain: dict[str, Any] = {
        "id": task_id,
        "version": 1,
        "stage": Stage.ASSIGNED,
        "title": "Rà soát quỹ đất công",
        "priority": Priority.NORMAL,
        "assigner": "chu.tich",
        "entered_by": "chuyen.vien",
        "lead_agency": "so-tai-chinh",
        "assigned_at": ASSIGNED_AT,
        "updated_at": ASSIGNED_AT,
        "receipt_due_at": RECEIPT_DUE_AT,
        "deadline": "2026-12-18",
        "due_kind": DueKind.DATE,
        "due_at": DUE_AT,
        "original_deadline": "2026-12-18",
        "original_due_at": DUE_AT,
        "extension": Extension(state=ExtensionState.NONE),
        "report": NO_REPORT,
        "explanation": NO_EXPLANATION,
    }
    return Task(**(plain | changes))


def without_deadline(task_id: str = "t-1", **changes: Any) -> Task:
    none: dict[str, Any] = {
        "deadline": None,
        "due_kind": DueKind.NONE,
        "due_at": None,
        "original_deadline": None,
        "original_due_at": None,
    }
    return a_task(task_id, **(none | changes))


async def always() -> bool:
    """Say that a monitor may announce: of whether it may, other tests know."""
    return True


def submitted(at: datetime) -> Report:
    return Report(state=ReportState.SUBMITTED, submitted_at=at, summary="Đã hoàn thành")


def event_of(task: Task, act: str = "assigned", at: datetime | None = None) -> Event[TaskChanged]:
    """Return the event of a task, recorded at `at` or else at its last change."""
    recorded_at = at or task.updated_at
    entry = HistoryEntry(sequence=task.version, at=recorded_at, act=act, by="chu.tich", role=Role.LEADER)
    return Event[TaskChanged](
        id=f"{task.id}:{task.version}",
        source="/assignment",
        type=task_event(act),
        subject=task.id,
        time=recorded_at.astimezone(UTC),
        sequence=str(task.version),
        data=TaskChanged(task=task, act=entry),
    )
