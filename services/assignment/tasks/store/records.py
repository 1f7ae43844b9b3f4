"""Tasks and history entries in the form that MongoDB keeps, and in the form that events carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.task import replay
from services.assignment.tasks.rules.waiting import counted_keys, list_keys
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
LATER: Final = frozenset(
    {"tally", "officer_left", "waits", "waiting", "work", "same", "words", "marks", "derived", "derived_at"}
)
"""What records of an earlier version lack, or have in another form; it is made of the whole history."""
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
    """Return the fields that queries use, and nobody else; `derived` is their version, `derived_at` the task's."""
    concerned = [task.lead_agency, *task.coordinating_agencies, *([task.monitor] if task.monitor else [])]
    return {
        "agencies": concerned,
        "waiting": list_keys(task),
        "work": counted_keys(task),
        "due_order": task.due_at or NO_DUE,
        "same": {
            "document": same_number_key(task.document.number) if task.document else None,
            "field": same_text_key(task.field) if task.field else None,
        },
        "words": sorted(searched_words(task.title, task.product, task.document)),
        "marks": marks_of(task),
        "derived": DERIVED,
        "derived_at": task.version,
    }


def searched_words(title: str, product: str | None, document: Document | None) -> set[str]:
    """Return the words by which a task is searched for."""
    return words_of(title, product, *((document.number, document.summary) if document else ()))


def to_task(record: Record) -> Task:
    return _TASK.validate_python({**record, "id": record["_id"]})


def is_current(record: Record) -> bool:
    """Whether this version, or a later one, wrote a record last; an earlier one leaves `derived_at` behind."""
    return bool(record.get("derived", 0) >= DERIVED and record.get("derived_at") == record["version"])


def brought_up(record: Record, history: Iterable[Record]) -> Record:
    """Return a record that is not current with what its history makes of it, if it can be replayed."""
    task = to_task(record)
    # A history that cannot be replayed is reported by `check`. The task can be read, and recalled, all the same.
    with suppress(ValueError, KeyError, TypeError):
        made = replay(task.id, map(to_entry, history))
        task = replace(task, tally=made.tally, officer_left=made.officer_left, waits=made.waits)
    state = state_of(task)
    return {**record, **{name: state[name] for name in LATER}}


def unlike(record: Record, task: Task) -> list[str]:
    """Return the fields in which a record is not this task; those that an earlier version did not keep do not count."""
    unread = frozenset() if is_current(record) else LATER
    state = {name: value for name, value in state_of(task).items() if name not in unread}
    return [name for name, value in state.items() if _plain(value) != record.get(name)]


def _plain(value: Any) -> Any:
    """Return a value as MongoDB returns it: tuples are lists."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value


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
