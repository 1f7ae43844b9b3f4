"""`deadline.*`: what time has done to a task."""

from __future__ import annotations

from shared.events.envelope import Frozen, Moment


class DeadlineReached(Frozen):
    """A brief of the task, the moment that came, and the rung of a reminder (working days left)."""

    task_id: str
    sequence: int
    title: str
    lead_agency: str
    coordinating_agencies: tuple[str, ...] = ()
    monitor: str | None = None
    assigner: str
    entered_by: str
    officer: str | None = None
    deadline: str | None = None
    due_at: Moment | None = None
    document_number: str | None = None
    moment: Moment
    rung: int = 0
