"""The occasion of an event, whichever service published it, and of an entry of a history."""

from __future__ import annotations

from typing import Any, Protocol

from services.notification.rules.routing import Occasion
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event
from shared.events.names import kind_of, task_event
from shared.events.task import HistoryEntry, TaskChanged


class HasPlaces(Protocol):
    """Who holds which place in a task: the task of an event, and what a history says of it."""

    @property
    def lead_agency(self) -> str: ...
    @property
    def coordinating_agencies(self) -> tuple[str, ...]: ...
    @property
    def monitor(self) -> str | None: ...
    @property
    def assigner(self) -> str: ...
    @property
    def entered_by(self) -> str: ...
    @property
    def officer(self) -> str | None: ...


def occasion_of(event: Event[Any]) -> Occasion:
    """Return the occasion of a `task.*` or `deadline.*` event.

    Raises:
        TypeError: the event is neither.

    """
    match event.data:
        case TaskChanged() as changed:
            return occasion_of_entry(changed.task.id, changed.act, changed.task)
        case DeadlineReached() as reached:
            return _of_moment(kind_of(event.type), reached)
        case _:
            raise TypeError(event.type)


def occasion_of_entry(task_id: str, entry: HistoryEntry, places: HasPlaces) -> Occasion:
    """Return the occasion of a history entry; `places` are those that it left."""
    added, new_monitor, taken_out = _agencies_that_changed(entry, places)
    return Occasion(
        kind=kind_of(task_event(entry.act)),
        task_id=task_id,
        lead_agency=places.lead_agency,
        assigner=places.assigner,
        entered_by=places.entered_by,
        officer=places.officer,
        coordinating_agencies=places.coordinating_agencies,
        monitor=places.monitor,
        former_lead=former_lead(entry),
        former_officer=_text(entry.details.get("from_officer")),
        added=added,
        new_monitor=new_monitor,
        taken_out=taken_out,
        by=entry.by,
        by_role=entry.role,
    )


def former_lead(entry: HistoryEntry) -> str | None:
    """Return the agency from which a reassignment took the task, also when it gave the task back to the same agency."""
    return _text(entry.details.get("from_agency"))


def _agencies_that_changed(
    entry: HistoryEntry, places: HasPlaces
) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """Return the coordinating agencies and the monitor that a correction brought, and the agencies it took out.

    The details of entries from before these were notified do not have what was replaced: nothing changed then.
    """
    coordinating, monitor = places.coordinating_agencies, places.monitor
    before = tuple(entry.details.get("from_coordinating_agencies", coordinating))
    monitor_before = entry.details.get("from_monitor", monitor)
    stay = {*coordinating, monitor}
    return (
        tuple(code for code in coordinating if code not in before),
        monitor if monitor != monitor_before else None,
        tuple(code for code in (*before, monitor_before) if code is not None and code not in stay),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


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
