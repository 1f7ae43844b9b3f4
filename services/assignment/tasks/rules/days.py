"""The dates that people write of what was, and of what is to come: judged by the office's own day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.office.refusal import FieldCode, invalid

if TYPE_CHECKING:
    from services.assignment.tasks.rules.context import Situation
    from services.assignment.tasks.rules.particulars import Document, IsoDay
    from services.assignment.tasks.rules.state import Task


def today(at: Situation) -> IsoDay:
    """Return the local day of the office."""
    return at.calendar.local_day(at.now).isoformat()


def require_issued(document: Document | None, at: Situation) -> None:
    """Refuse a document whose date is after today."""
    if document is not None:
        _require_between("document.issued_on", document.issued_on, None, today(at))


def require_finished(day: IsoDay | None, task: Task, at: Situation) -> None:
    """Refuse a day on which the work cannot have been finished: before the task was assigned, or after today."""
    assigned_on = at.calendar.local_day(task.assigned_at).isoformat()
    _require_between("finished_on", day, assigned_on, today(at))


def require_to_come(day: IsoDay | None, at: Situation) -> None:
    """Refuse to expect the end on a day before today."""
    _require_between("expected_finish", day, today(at), None)


def _require_between(field: str, day: IsoDay | None, earliest: IsoDay | None, latest: IsoDay | None) -> None:
    if day is None:
        return
    if earliest is not None and day < earliest:
        raise invalid(field, FieldCode.TOO_EARLY, earliest=earliest)
    if latest is not None and day > latest:
        raise invalid(field, FieldCode.TOO_LATE, latest=latest)
