"""Tasks and history entries in the form that MongoDB keeps, and in the form that events carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.waiting import waits_for
from services.assignment.tasks.store.marks import marks_of
from shared.events import task as wire
from shared.events.envelope import Event
from shared.events.names import task_event
from shared.messaging.context import causation_id, correlation_id
from shared.office.timeliness import NO_DUE
from shared.office.words import words_of

if TYPE_CHECKING:
    from services.assignment.tasks.rules.particulars import Document
    from shared.mongo import Record

SOURCE: Final = "/assignment"
WITHOUT_LOGS: Final[Mapping[str, int]] = MappingProxyType({"history": 0, "outbox": 0, "words": 0, "marks": 0})
"""A projection: the fields of the task itself, without what only indexes use."""

_TASK: Final = TypeAdapter(Task)
_ENTRY: Final = TypeAdapter(HistoryEntry)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key of a request and the fingerprint of its body; both are kept with the entry that the request made."""

    key: str
    fingerprint: str


def state_of(task: Task) -> Record:
    """Return the fields of a task, and the derived fields that queries use."""
    state: Record = _TASK.dump_python(task)
    del state["id"]
    return {**state, **derived_from(task)}


def derived_from(task: Task) -> Record:
    """Return the fields that queries use, and nobody else."""
    concerned = [task.lead_agency, *task.coordinating_agencies, *([task.monitor] if task.monitor else [])]
    return {
        "agencies": concerned,
        "waiting": waits_for(task),
        "due_order": task.due_at or NO_DUE,
        "words": sorted(searched_words(task.title, task.product, task.document)),
        "marks": marks_of(task),
    }


def searched_words(title: str, product: str | None, document: Document | None) -> set[str]:
    """Return the words by which a task is searched for."""
    return words_of(title, product, *((document.number, document.summary) if document else ()))


def to_task(record: Record) -> Task:
    return _TASK.validate_python({**record, "id": record["_id"]})


def from_entry(entry: HistoryEntry, request_key: RequestKey | None = None) -> Record:
    """Return an entry of the history, with the key of the request that made it."""
    record: Record = _ENTRY.dump_python(entry)
    return {**record, "key": request_key.key, "fingerprint": request_key.fingerprint} if request_key else record


def to_entry(record: Record) -> HistoryEntry:
    return _ENTRY.validate_python(record)


def to_fields(task: Task) -> Record:
    """Return the plain fields of a task, from which events and answers are made."""
    return _TASK.dump_python(task)  # type: ignore[no-any-return]


def to_wire_entry(entry: HistoryEntry) -> wire.HistoryEntry:
    return wire.HistoryEntry.model_validate(entry, from_attributes=True)


def event_of(task: Task, entry: HistoryEntry) -> Event[Any]:
    """Return the event of an entry: the whole task as that entry left it."""
    return Event[wire.TaskChanged](
        id=f"{task.id}:{entry.sequence}",
        source=SOURCE,
        type=task_event(entry.act),
        subject=task.id,
        time=entry.at,
        sequence=str(entry.sequence),
        correlationid=correlation_id(),
        causationid=causation_id(),
        data=wire.TaskChanged(task=wire.Task.model_validate(to_fields(task)), act=to_wire_entry(entry)),
    )


def left_out_of_briefs(
    whole: type[BaseModel] = wire.Task, brief: type[BaseModel] = wire.TaskBrief, path: str = ""
) -> Iterator[str]:
    """Yield the paths of what a task has and its brief has not, such as `document.summary`."""
    for name, field in whole.model_fields.items():
        if name not in brief.model_fields:
            yield f"{path}{name}"
        elif (inner := inner_model(field)) and (shorter := inner_model(brief.model_fields[name])):
            yield from left_out_of_briefs(inner, shorter, f"{path}{name}.")


def inner_model(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, optional or not."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
