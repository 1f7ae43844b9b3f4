"""The events that notification consumes, as assignment and deadline publish them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.events.deadline import DeadlineReached
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.envelope import Event
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, deadline_event, task_event
from shared.events.task import (
    Document,
    Explanation,
    Extension,
    ExtensionRequest,
    HistoryEntry,
    Report,
    Task,
    TaskChanged,
)
from shared.office.policy import Policy
from shared.office.vocabulary import (
    AgencyKind,
    Authority,
    DueKind,
    ExplanationState,
    ExtensionState,
    Priority,
    ReportState,
    RequestState,
    Role,
    Stage,
)
from shared.office.workdays import WorkCalendar

CALENDAR = WorkCalendar(Policy())
ASSIGNED_AT = CALENDAR.start_of_day(date(2026, 12, 1), 9)
DUE_AT = CALENDAR.end_of_day(date(2026, 12, 10))
TITLE = "Rà soát quỹ đất công"

AGENCIES = {
    "so-tai-chinh": "Sở Tài chính",
    "so-xay-dung": "Sở Xây dựng",
    "so-noi-vu": "Sở Nội vụ",
    "so-y-te": "Sở Y tế",
    "thanh-tra": "Thanh tra tỉnh",
    "van-phong": "Văn phòng Ủy ban nhân dân tỉnh",
}
# username -> (role, agency)
PEOPLE: dict[str, tuple[Role, str | None]] = {
    "chu-tich": (Role.LEADER, None),
    "dieu-phoi": (Role.COORDINATOR, "van-phong"),
    "gd-tai-chinh": (Role.HEAD, "so-tai-chinh"),
    "vt-tai-chinh": (Role.CLERK, "so-tai-chinh"),
    "cv-tai-chinh": (Role.OFFICER, "so-tai-chinh"),
    "pm-tai-chinh": (Role.SERVICE, "so-tai-chinh"),
    "gd-xay-dung": (Role.HEAD, "so-xay-dung"),
    "vt-xay-dung": (Role.CLERK, "so-xay-dung"),
    "gd-noi-vu": (Role.HEAD, "so-noi-vu"),
    "gd-y-te": (Role.HEAD, "so-y-te"),
    "chanh-thanh-tra": (Role.HEAD, "thanh-tra"),
    "kiem-tra": (Role.AUDITOR, None),
    "quan-tri": (Role.ADMINISTRATOR, None),
}


def a_task(**changes: Any) -> Task:
    """Return a task that Sở Tài chính leads, Sở Xây dựng and Sở Nội vụ coordinate and Thanh tra monitors."""
    plain: dict[str, Any] = {
        "id": "t-1",
        "version": 1,
        "stage": Stage.IN_PROGRESS,
        "title": TITLE,
        "document": Document(number="123/QĐ-UBND-HC"),
        "priority": Priority.NORMAL,
        "authority": Authority.COMMITTEE,
        "assigner": "chu-tich",
        "entered_by": "dieu-phoi",
        "lead_agency": "so-tai-chinh",
        "coordinating_agencies": ("so-xay-dung", "so-noi-vu"),
        "monitor": "thanh-tra",
        "officer": "cv-tai-chinh",
        "assigned_at": ASSIGNED_AT,
        "updated_at": ASSIGNED_AT,
        "receipt_due_at": CALENDAR.end_of_day(date(2026, 12, 2)),
        "deadline": "2026-12-10",
        "due_kind": DueKind.DATE,
        "due_at": DUE_AT,
        "original_deadline": "2026-12-10",
        "original_due_at": DUE_AT,
        "extension": Extension(state=ExtensionState.NONE),
        "report": Report(state=ReportState.NONE),
        "explanation": Explanation(state=ExplanationState.NONE),
    }
    return Task(**(plain | changes))


def task_told(
    act: str,
    by: str = "chu-tich",
    *,
    at: datetime = ASSIGNED_AT,
    details: dict[str, Any] | None = None,
    **changes: Any,
) -> Event[TaskChanged]:
    """Return the event of an act by one of `PEOPLE`, or by `system`."""
    task = a_task(**changes)
    role, agency = PEOPLE.get(by, (None, None))
    entry = HistoryEntry(sequence=task.version, at=at, act=act, by=by, role=role, agency=agency, details=details or {})
    return Event[TaskChanged](
        id=f"{task.id}:{task.version}",
        source="/assignment",
        type=task_event(act),
        subject=task.id,
        time=at,
        sequence=str(task.version),
        data=TaskChanged(task=task, act=entry),
    )


def moment_told(kind: str, *, at: datetime = ASSIGNED_AT, rung: int = 0, **changes: Any) -> Event[DeadlineReached]:
    """Return deadline's event of a moment."""
    task = a_task(**changes)
    reached = DeadlineReached(
        task_id=task.id,
        sequence=task.version,
        title=task.title,
        lead_agency=task.lead_agency,
        coordinating_agencies=task.coordinating_agencies,
        monitor=task.monitor,
        assigner=task.assigner,
        entered_by=task.entered_by,
        officer=task.officer,
        deadline=task.deadline,
        due_at=task.due_at,
        document_number=task.document.number if task.document else None,
        moment=at,
        rung=rung,
    )
    return Event[DeadlineReached](
        id=f"{task.id}:{kind}:{at.isoformat()}:{rung}",
        source="/deadline",
        type=deadline_event(kind),
        subject=task.id,
        time=at,
        sequence=str(task.version),
        data=reached,
    )


def told_of(kind: str, **changes: Any) -> Event[Any]:
    """Return an event of a kind. If it is an act, the leader does it."""
    family, _, name = kind.partition(".")
    return moment_told(name, **changes) if family == "deadline" else task_told(name, **changes)


def asked(state: RequestState, *, decided_at: datetime | None = None, reason: str | None = None) -> Extension:
    """Return the extension of a task with one request, for 25 December."""
    request = ExtensionRequest(
        id="r-1",
        state=state,
        asked_at=ASSIGNED_AT,
        from_deadline="2026-12-10",
        new_deadline="2026-12-25",
        new_due_at=CALENDAR.end_of_day(date(2026, 12, 25)),
        reason="Chờ ý kiến Bộ Tài chính",
        decided_at=decided_at,
        decision_reason=reason,
    )
    return Extension(state=ExtensionState.PENDING if decided_at is None else ExtensionState.USED, requests=(request,))


def agency_told(code: str, name: str | None = None, *, sequence: int = 1) -> Event[AgencyChanged]:
    agency = AgencyChanged(code=code, name=name or AGENCIES[code], kind=AgencyKind.DEPARTMENT)
    return Event[AgencyChanged](
        id=f"agency:{code}:{sequence}",
        source="/assignment",
        type=AGENCY_CHANGED,
        subject=code,
        time=ASSIGNED_AT,
        sequence=str(sequence),
        data=agency,
    )


def account_told(username: str, *, sequence: int = 1, disabled: bool = False, **changes: Any) -> Event[AccountChanged]:
    role, agency = PEOPLE.get(username, (Role.OFFICER, None))
    plain = {"username": username, "display_name": username, "role": role, "agency": agency, "disabled": disabled}
    return Event[AccountChanged](
        id=f"account:{username}:{sequence}",
        source="/assignment",
        type=ACCOUNT_CHANGED,
        subject=username,
        time=ASSIGNED_AT,
        sequence=str(sequence),
        data=AccountChanged(**(plain | changes)),
    )


def the_directory() -> list[Event[Any]]:
    """Return the events that make `AGENCIES` and `PEOPLE` known."""
    return [*map(agency_told, AGENCIES), *map(account_told, PEOPLE)]
