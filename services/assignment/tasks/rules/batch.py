"""A batch: one document assigns many tasks. An item has one or more lead agencies, and each of them gets a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID, uuid5

from services.assignment.tasks.rules.assigning import assigned
from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.task import begin
from shared.office.refusal import FieldCode, invalid

if TYPE_CHECKING:
    from services.assignment.tasks.rules.assigning import Assign
    from services.assignment.tasks.rules.context import Context
    from shared.office.codes import Codes

Items: TypeAlias = "Sequence[tuple[Assign, Sequence[str]]]"
"""The items of a batch as they were sent, each with its lead agencies."""
MOST_TASKS: Final = 5_000
"""How many tasks one batch makes at most."""
_AT_ONCE: Final = timedelta(seconds=10)
"""Until how long after the decision a task counts as recorded with it."""


@dataclass(frozen=True, slots=True)
class Item:
    """What the tasks of one item share, and their lead agencies."""

    details: Mapping[str, Any]
    lead_agencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task of a batch."""

    id: str
    item: Item
    lead_agency: str

    @property
    def title(self) -> str:
        return str(self.item.details["title"])


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was decided on. `first` holds what the first entries of all its tasks share."""

    id: str
    first: HistoryEntry
    items: tuple[Item, ...]

    def planned_tasks(self) -> Iterator[PlannedTask]:
        """Yield the tasks in order. The same batch always makes the same tasks with the same ids."""
        position = count()
        for item in self.items:
            for lead in item.lead_agencies:
                yield PlannedTask(str(uuid5(UUID(self.id), str(next(position)))), item, lead)

    def tasks(self, recorded_at: Callable[[], datetime] | None = None) -> Iterator[tuple[Task, HistoryEntry]]:
        """Yield each task with its first entry.

        What is recorded long after it was assigned keeps both moments, so that programs that ask for what has changed
        since they last asked do not miss it.
        """
        for task in self.planned_tasks():
            details = {**self.first.details, **task.item.details, "lead_agency": task.lead_agency, "batch": self.id}
            entry = self._recorded(details, recorded_at() if recorded_at else self.first.at)
            yield assigned(task.id, entry), entry

    def _recorded(self, details: dict[str, Any], at: datetime) -> HistoryEntry:
        if at - self.first.at <= _AT_ONCE:
            return replace(self.first, details=details)
        return replace(self.first, at=at, details={**details, "assigned_at": self.first.at})


def spelled(items: Items, codes: Codes) -> Items:
    """Return the items with the codes of agencies as they were first written."""
    return [(command.spelled(codes), list(map(codes.written, leads))) for command, leads in items]


def decide_batch(batch_id: str, items: Items, context: Context) -> Batch:
    """Decide on a whole batch: a refusal of one task refuses all."""
    entries = [_first_entry(command, leads, context) for command, leads in items]
    first = entries[0]
    shared = {"document": first.details["document"]}
    planned = tuple(
        Item({key: value for key, value in entry.details.items() if key not in shared}, tuple(leads))
        for entry, (_, leads) in zip(entries, items, strict=True)
    )
    return Batch(batch_id, replace(first, details=shared), planned)


def _first_entry(command: Assign, leads: Sequence[str], context: Context) -> HistoryEntry:
    """Decide on the task of each lead agency of an item, and return what they share."""
    if len(set(leads)) != len(leads):
        raise invalid(f"{command.path}{command.lead_field}", FieldCode.DUPLICATE_AGENCY)
    first, *_ = [begin(replace(command, lead_agency=lead), None, context) for lead in leads]
    return first
