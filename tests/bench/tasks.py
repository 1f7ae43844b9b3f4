"""Tasks to measure with, made by the rules of assignment, with texts of a usual length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from uuid_utils.compat import uuid7

from services.assignment.tasks.rules.assigning import Assign, assigned
from services.assignment.tasks.rules.context import Command, Context
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.receipt import Receive
from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.task import begin, decide, evolve
from services.assignment.tasks.rules.work import Delegate, MakeProgress
from services.assignment.tasks.store.records import event_of, from_entry, state_of
from services.assignment.tasks.store.tasks import new_record
from services.reporting.rules.versions import NEWEST, version_of
from shared.clock import true_now
from shared.events.envelope import Event
from shared.events.task import TaskChanged
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar

if TYPE_CHECKING:
    from pymongo.asynchronous.collection import AsyncCollection

MANY: Final = 100_000
CALENDAR: Final = WorkCalendar(Policy())
OFFICER: Final = "officer-stc"
BODY: Final[dict[str, Any]] = {
    "title": "Báo cáo tình hình giải ngân vốn đầu tư công quý IV và giải pháp tháo gỡ khó khăn, vướng mắc",
    "description": "Rà soát từng dự án, nêu rõ nguyên nhân chậm, trách nhiệm của chủ đầu tư và thời hạn khắc phục. "
    * 3,
    "product": "Báo cáo của Sở Tài chính gửi Ủy ban nhân dân tỉnh",
    "field": "Đầu tư công",
    "document": {"number": "123/QĐ-UBND-HC", "issued_on": "2026-11-02", "summary": "Về đẩy nhanh giải ngân"},
    "lead_agency": "stc",
    "coordinating_agencies": ["sxd", "snn"],
    "monitor": "vp",
}
"""The body of a request that assigns a task, without the deadline."""
_AGENCIES: Final = ("stc", "sxd", "snn", "vp")
_BY: Final = {
    "chair": (Role.LEADER, None),
    "clerk-stc": (Role.CLERK, "stc"),
    "head-stc": (Role.HEAD, "stc"),
    OFFICER: (Role.OFFICER, "stc"),
}
_AT_ONCE: Final = 1_000
_TEMPLATES: Final = 500
_LEADS: Final = 200


@dataclass(frozen=True, slots=True)
class Lived:
    """A task and its history."""

    task: Task
    entries: Sequence[HistoryEntry]
    events: Sequence[Event[TaskChanged]]

    def inserted(self) -> dict[str, Any]:
        """Return the record that assigning the task inserts, with its first event."""
        return new_record(assigned(self.task.id, self.entries[0]), self.entries[0], None)

    def document(self) -> dict[str, Any]:
        """Return the record once all of its events are published."""
        document = {**new_record(self.task, self.entries[0], None), **state_of(self.task)}
        document["history"] = [from_entry(entry) for entry in self.entries]
        del document["pending_since"]
        return {**document, "outbox": []}


def a_task(*, days: int = 30, steps: int = 3) -> Lived:
    """Return a task due in so many days, with so many steps after its assignment: receipt, delegation, progress."""
    task_id = str(uuid7())
    first = begin(_assign(days), None, _context("chair"))
    task, entries = assigned(task_id, first), [first]
    events = [event_of(task, first)]
    for name, body, by in _ACTS[:steps]:
        for entry in decide(task, name, body, _context(by)):
            task = evolve(task, entry)
            entries.append(entry)
            events.append(event_of(task, entry))
    return Lived(task, entries, events)


_ACTS: Final[Sequence[tuple[str, Command, str]]] = (
    ("receipt", Receive(), "clerk-stc"),
    ("delegation", Delegate(OFFICER, "Tham mưu báo cáo"), "head-stc"),
    ("progress", MakeProgress(40, "Đã tổng hợp số liệu của 12 chủ đầu tư"), OFFICER),
)


def _assign(days: int) -> Assign:
    fields = {**BODY, "document": Document(**BODY["document"])}
    fields["coordinating_agencies"] = tuple(fields["coordinating_agencies"])
    return Assign(**fields, deadline=RequestedDeadline(day=CALENDAR.local_day(true_now()) + timedelta(days=days)))


def _context(username: str) -> Context:
    role, agency = _BY[username]
    return Context(
        now=true_now(),
        calendar=CALENDAR,
        policy=CALENDAR.policy,
        caller=Principal(username, role, agency),
        agencies=frozenset(_AGENCIES),
        accounts={OFFICER: Principal(OFFICER, Role.OFFICER, "stc")},
    )


def many_documents() -> Iterator[dict[str, Any]]:
    """Yield the records of a hundred thousand tasks of 200 lead agencies, assigned one after the other."""
    for number, document, lead in _copies([a_task(steps=number % 4).document() for number in range(_TEMPLATES)]):
        yield {
            **document,
            "_id": f"task-{number}",
            "lead_agency": lead,
            "agencies": [lead, *document["agencies"][1:]],
            "assigned_at": document["assigned_at"] - timedelta(seconds=number),
        }


def many_versions() -> Iterator[dict[str, Any]]:
    """Yield reporting's records of the newest version of a hundred thousand tasks."""
    events = [a_task(steps=number % 4, days=2 + number % 40).events[-1] for number in range(_TEMPLATES)]
    for number, version, lead in _copies([{**asdict(version_of(event)), "until": NEWEST} for event in events]):
        yield {**version, "_id": f"task-{number}:1", "task": f"task-{number}", "lead_agency": lead}


def _copies(templates: Sequence[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any], str]]:
    for number in range(MANY):
        yield number, templates[number % len(templates)], f"agency-{number % _LEADS}"


async def fill(collection: AsyncCollection[dict[str, Any]], documents: Iterable[dict[str, Any]]) -> None:
    """Insert many records, in chunks."""
    chunk: list[dict[str, Any]] = []
    for document in documents:
        chunk.append(document)
        if len(chunk) == _AT_ONCE:
            await collection.insert_many(chunk, ordered=False)
            chunk = []
    if chunk:
        await collection.insert_many(chunk, ordered=False)
