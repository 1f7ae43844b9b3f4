"""The occasion of an event, whichever service published it."""

from __future__ import annotations

from typing import Any

from services.notification.rules.routing import Occasion
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event
from shared.events.names import kind_of
from shared.events.task import TaskChanged


def occasion_of(event: Event[Any]) -> Occasion:
    """Return the occasion of a `task.*` or `deadline.*` event.

    Raises:
        TypeError: the event is neither.

    """
    match event.data:
        case TaskChanged() as changed:
            return _of_act(kind_of(event.type), changed)
        case DeadlineReached() as reached:
            return _of_moment(kind_of(event.type), reached)
        case _:
            raise TypeError(event.type)


def former_lead(changed: TaskChanged) -> str | None:
    """Return the agency from which a reassignment took the task, also when it gave the task back to the same agency."""
    former = changed.act.details.get("from_agency")
    return former if isinstance(former, str) else None


def _of_act(kind: str, changed: TaskChanged) -> Occasion:
    task, act = changed.task, changed.act
    return Occasion(
        kind=kind,
        task_id=task.id,
        lead_agency=task.lead_agency,
        assigner=task.assigner,
        entered_by=task.entered_by,
        officer=task.officer,
        coordinating_agencies=task.coordinating_agencies,
        monitor=task.monitor,
        former_lead=former_lead(changed),
        by=act.by,
        by_role=act.role,
    )


def _of_moment(kind: str, reached: DeadlineReached) -> Occasion:
    return Occasion(
        kind=kind,
        task_id=reached.task_id,
        lead_agency=reached.lead_agency,
        assigner=reached.assigner,
        entered_by=reached.entered_by,
        officer=reached.officer,
        coordinating_agencies=reached.coordinating_agencies,
        monitor=reached.monitor,
    )
