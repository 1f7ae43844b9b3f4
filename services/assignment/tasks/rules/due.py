"""The deadline of a task: a day of the calendar, a moment, or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from services.assignment.tasks.rules.particulars import IsoDay
from services.assignment.tasks.rules.state import Task
from shared.office.refusal import FieldCode, invalid
from shared.office.vocabulary import DueKind

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class RequestedDeadline:
    """A deadline as a body gives it: a day or a moment, never both; neither means no deadline."""

    day: date | None = None
    moment: datetime | None = None

    @property
    def field(self) -> str:
        """The field of the body that gives it when a task is assigned."""
        return "due_at" if self.moment else "deadline"

    @property
    def new_field(self) -> str:
        """The field of the body that gives it when an extension is asked for or granted."""
        return "new_due_at" if self.moment else "new_deadline"


NO_DEADLINE: Final = RequestedDeadline()
_MOST_YEARS: Final = 10


@dataclass(frozen=True, slots=True)
class ResolvedDeadline:
    """A deadline with the moment at which it ends; the day stays as written and never rolls."""

    kind: DueKind
    day: IsoDay | None
    due_at: datetime | None

    def details(self) -> dict[str, Any]:
        """Return what a history entry keeps of it."""
        return {"deadline": self.day, "due_kind": self.kind, "due_at": self.due_at}


def resolve_deadline(requested: RequestedDeadline, context: Context, field: str) -> ResolvedDeadline:
    """Return the moment at which a deadline ends; refuse one more than ten years ahead, naming the field."""
    resolved = _resolve(requested, context)
    latest = _years_after(context.calendar.local_day(context.now), _MOST_YEARS).isoformat()
    if resolved.day is not None and resolved.day > latest:
        raise invalid(field, FieldCode.TOO_FAR, latest=latest)
    return resolved


def _resolve(requested: RequestedDeadline, context: Context) -> ResolvedDeadline:
    """Return the moment at which a deadline ends: a day rolls over days off, a moment stays as it is."""
    if requested.moment is not None:
        day = context.calendar.local_day(requested.moment)
        return ResolvedDeadline(DueKind.MOMENT, day.isoformat(), requested.moment)
    if requested.day is not None:
        due_at = context.calendar.due_moment(requested.day)
        return ResolvedDeadline(DueKind.DATE, requested.day.isoformat(), due_at)
    return ResolvedDeadline(DueKind.NONE, None, None)


def _years_after(day: date, years: int) -> date:
    """Return the same day of a later year; 1 March for 29 February in a year without it."""
    return date(day.year + years, day.month, 1) + timedelta(days=day.day - 1)


def resolve_future_deadline(requested: RequestedDeadline, context: Context, field: str) -> ResolvedDeadline:
    """Return the moment at which a deadline ends; refuse also one that has passed."""
    resolved = resolve_deadline(requested, context, field)
    if resolved.due_at is not None and resolved.due_at <= context.now:
        raise invalid(field, FieldCode.IN_THE_PAST)
    return resolved


def require_later(resolved: ResolvedDeadline, task: Task, field: str) -> None:
    """Refuse a deadline that does not end after the task's current one."""
    if resolved.due_at is None or task.due_at is None or resolved.due_at <= task.due_at:
        raise invalid(field, FieldCode.NOT_LATER)
