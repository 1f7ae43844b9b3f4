"""Tasks and history entries in the form that MongoDB keeps, and in the form that events carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.tally import tally_of
from services.assignment.tasks.rules.waiting import waits_for
from services.assignment.tasks.store.marks import marks_of
from shared.events import task as wire
from shared.events.envelope import Event
from shared.events.names import task_event
from shared.messaging.context import Cause, current_cause
from shared.office.sameness import same_number_key, same_text_key
from shared.office.timeliness import NO_DUE
from shared.office.words import words_of

if TYPE_CHECKING:
    from services.assignment.tasks.rules.particulars import Document
    from shared.mongo import Record

SOURCE: Final = "/assignment"
DERIVED: Final = 1
"""The version of the derived fields. It is raised with every new one, so that `derived.py` fills it in old records."""
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
    return {**state, **derived_of(task)}


def derived_of(task: Task) -> Record:
    """Return the fields that queries use, and nobody else; and `derived`, their version."""
    concerned = [task.lead_agency, *task.coordinating_agencies, *([task.monitor] if task.monitor else [])]
    return {
        "agencies": concerned,
        "waiting": waits_for(task),
        "due_order": task.due_at or NO_DUE,
        "same": {
            "document": same_number_key(task.document.number) if task.document else None,
            "field": same_text_key(task.field) if task.field else None,
        },
        "words": sorted(searched_words(task.title, task.product, task.document)),
        "marks": marks_of(task),
        "derived": DERIVED,
    }


def searched_words(title: str, product: str | None, document: Document | None) -> set[str]:
    """Return the words by which a task is searched for."""
    return words_of(title, product, *((document.number, document.summary) if document else ()))


def to_task(record: Record) -> Task:
    return _TASK.validate_python({**record, "id": record["_id"]})


def is_tallied(record: Record) -> bool:
    """Whether a record has a tally; one that an earlier version wrote has none."""
    return "tally" in record


def with_tally(record: Record, history: Iterable[Record]) -> Record:
    """Return a record with the tally of its history."""
    return {**record, "tally": tally_of(map(to_entry, history))}


def from_entry(entry: HistoryEntry, request_key: RequestKey | None = None) -> Record:
    """Return an entry of the history, with the key of the request that made it, and the cause of its event."""
    record: Record = _ENTRY.dump_python(entry)
    record |= {name: value for name, value in current_cause()._asdict().items() if value is not None}
    return {**record, "key": request_key.key, "fingerprint": request_key.fingerprint} if request_key else record


def to_entry(record: Record) -> HistoryEntry:
    return _ENTRY.validate_python(record)


def cause_of(record: Record) -> Cause:
    """Return the cause of the event of a stored entry; empty for an entry that was stored before causes were."""
    return Cause(record.get("correlationid"), record.get("causationid"))


def to_fields(task: Task) -> Record:
    """Return the plain fields of a task, from which events and answers are made."""
    return _TASK.dump_python(task)  # type: ignore[no-any-return]


def to_wire_entry(entry: HistoryEntry) -> wire.HistoryEntry:
    return wire.HistoryEntry.model_validate(entry, from_attributes=True)


def event_of(task: Task, entry: HistoryEntry, cause: Cause | None = None) -> Event[Any]:
    """Return the event of an entry: the whole task as that entry left it. Its cause is the current one unless given."""
    cause = current_cause() if cause is None else cause
    return Event[wire.TaskChanged](
        id=f"{task.id}:{entry.sequence}",
        source=SOURCE,
        type=task_event(entry.act),
        subject=task.id,
        time=entry.at,
        sequence=str(entry.sequence),
        **cause._asdict(),
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
