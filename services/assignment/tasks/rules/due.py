"""The term of a task: a day of the calendar, a moment, or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from services.assignment.tasks.rules.state import IsoDay, Task
from shared.office.refusal import FieldCode, invalid
from shared.office.vocabulary import DueKind

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Context


@dataclass(frozen=True, slots=True)
class RequestedDeadline:
    """A term as a body gives it: a day or a moment, never both; neither means no deadline."""

    day: date | None = None
    moment: datetime | None = None

    @property
    def field(self) -> str:
        """The body's field that gave it, where the body calls it plainly."""
        return "due_at" if self.moment else "deadline"


NO_DEADLINE: Final = RequestedDeadline()


@dataclass(frozen=True, slots=True)
class ResolvedDeadline:
    """A term worked out: the day as written, which never rolls, and the moment it ends."""

    kind: DueKind
    deadline: IsoDay | None
    at: datetime | None

    def details(self) -> dict[str, Any]:
        """Return what a history entry keeps of it."""
        return {"deadline": self.deadline, "due_kind": self.kind, "due_at": self.at}


def resolve(term: RequestedDeadline, context: Context) -> ResolvedDeadline:
    """Return the moment a term ends: a day rolls over days off, a moment stands as it is."""
    if term.moment is not None:
        return ResolvedDeadline(DueKind.MOMENT, context.calendar.local_day(term.moment).isoformat(), term.moment)
    if term.day is not None:
        return ResolvedDeadline(DueKind.DATE, term.day.isoformat(), context.calendar.due_moment(term.day))
    return ResolvedDeadline(DueKind.NONE, None, None)


def resolve_ahead(term: RequestedDeadline, context: Context, field: str) -> ResolvedDeadline:
    """Return the moment a term ends, refusing one that is already past."""
    due = resolve(term, context)
    if due.at is not None and due.at <= context.now:
        raise invalid(field, FieldCode.IN_THE_PAST)
    return due


def must_be_later(due: ResolvedDeadline, task: Task, field: str) -> None:
    """Refuse a moment that is not strictly later than the task's present one."""
    if due.at is None or task.due_at is None or due.at <= task.due_at:
        raise invalid(field, FieldCode.NOT_LATER)
