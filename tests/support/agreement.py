"""Whether what stands in the databases is what the office was told, and the same in all four services.

It reads the databases as their administrator, and judges by the history of each task. What it expects of the inboxes,
the announcements and the rows of reporting is written down here, and not asked of the service that made them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.assignment.tasks.rules.state import Task
from services.assignment.tasks.store.records import state_of, to_fields, to_task, to_wire_entry
from shared.events import task as wire
from shared.events.envelope import Event
from shared.events.names import kind_of
from tests.support.acknowledged import Acknowledged, Request
from tests.support.books import Books, Record, Version, read_books
from tests.support.province import HANOI, Province
from tests.support.who_is_told import Readers
from tests.support.witness import Witness

_SHOWN: Final = 20
_NEWEST: Final = datetime(9999, 12, 31, tzinfo=UTC)

Differences = Iterator[str]


@dataclass(frozen=True)
class Figures:
    """How much was in agreement."""

    tasks: int
    entries: int
    acknowledged: int
    told: int
    published: int

    def __str__(self) -> str:
        return (
            f"{self.tasks} tasks with {self.entries} entries, {self.acknowledged} requests acknowledged,"
            f" {self.published} events published, {self.told} entries in inboxes"
        )


async def assert_agreement(
    province: Province, acknowledged: Acknowledged, witness: Witness, *, seconds: float = 60
) -> Figures:
    """Wait until all is settled, hold that all services agree with what was acknowledged, and say how much that was."""
    now = province.now()
    await province.stack.wait_until_idle(seconds=seconds)
    books = await read_books(province, acknowledged, witness, now)
    found = differences(books)
    shown = "\n  ".join(found[:_SHOWN])
    assert not found, f"{len(found)} differences:\n  {shown}"
    return Figures(
        tasks=len(books.tasks),
        entries=sum(map(len, books.lives.values())),
        acknowledged=len(acknowledged.tasks) + len(acknowledged.batches),
        told=len(books.inbox),
        published=len(books.published),
    )


def differences(books: Books) -> list[str]:
    """Return everything that is not as it should be, each naming the task, the service and what differs."""
    return [found for clause in CLAUSES for found in clause(books)]


def nothing_is_on_its_way(books: Books) -> Differences:
    yield from (f"{collection}: an outbox is not empty" for collection in books.waiting)
    yield from (f"{service}: there are dead letters" for service in books.dead)
    yield from (f"batch {batch}: still open" for batch, document in books.batches.items() if "open_since" in document)


def histories_make_the_tasks(books: Books) -> Differences:
    """Each history goes 1, 2, 3 and so on, and its replay is the task."""
    yield from books.broken
    for task_id, versions in books.lives.items():
        document = books.tasks[task_id]
        sequences = [version.entry.sequence for version in versions]
        if sequences != list(range(1, len(versions) + 1)):
            yield f"task {task_id}: its history is numbered {sequences}"
        stored, replayed = to_task(document), versions[-1].task
        yield from _unequal(f"task {task_id}: against its history", stored, replayed)
        for name, value in _searched_by(replayed).items():
            if document[name] != value:
                yield f"task {task_id}: {name} is {document[name]}, by its history {value}"


def _searched_by(task: Task) -> Record:
    state = state_of(task)
    return {name: state[name] for name in ("agencies", "waiting", "due_order")}


def _unequal(what: str, found: Any, expected: Any) -> Differences:
    for one in fields(expected):
        there, right = getattr(found, one.name), getattr(expected, one.name)
        if there != right:
            yield f"{what}: {one.name} is {there}, and should be {right}"


def acknowledged_requests_stand_once(books: Books) -> Differences:
    """Whatever was acknowledged is there, and nothing is there twice, acknowledged or not."""
    yield from books.acknowledged.contradictions
    found: defaultdict[tuple[Request, str], list[int]] = defaultdict(list)
    first: Counter[Request] = Counter()
    for task_id, document in books.tasks.items():
        for entry in document["history"]:
            if entry.get("key") is not None:
                request = Request(entry["by"], entry["key"])
                found[request, task_id].append(entry["sequence"])
                first[request] += entry["sequence"] == 1
    for (request, task_id), sequences in found.items():
        if len(sequences) > 1:
            yield f"task {task_id}: {request} stands in its history at {sequences}"
    yield from (f"{request} made {count} tasks" for request, count in first.items() if count > 1)
    for request, (task_id, version) in books.acknowledged.tasks.items():
        if (request, task_id) not in found:
            yield f"task {task_id}: {request} was acknowledged and is not in its history"
        elif books.tasks[task_id]["version"] < version:
            yield f"task {task_id}: {request} was answered with version {version}, which is not there"


def acknowledged_batches_are_whole(books: Books) -> Differences:
    made: defaultdict[str, set[str]] = defaultdict(set)
    for task_id, document in books.tasks.items():
        if document["batch"] is not None:
            made[document["batch"]].add(task_id)
    for request, tasks in books.acknowledged.batches.items():
        there = [made[batch] for batch in {books.tasks[task]["batch"] for task in tasks if task in books.tasks}]
        if there != [set(tasks)]:
            yield f"task {tasks[0]}: {request} was answered with its batch of {len(tasks)} tasks, which is not whole"
    yield from (f"batch {batch}: has tasks and no document" for batch in made if batch not in books.batches)


def deadlines_move_once(books: Books) -> Differences:
    """One extension at most, and the first deadline is kept."""
    for task_id, document in books.tasks.items():
        requests = document["extension"]["requests"]
        for state in ("approved", "pending"):
            if (count := sum(request["state"] == state for request in requests)) > 1:
                yield f"task {task_id}: {count} extension requests are {state}"
        given = [entry["details"]["due_at"] for entry in document["history"] if entry["act"] in _GIVE_A_DEADLINE]
        moved = [entry["details"]["due_at"] for entry in document["history"] if entry["act"] == "extension_approved"]
        if len(moved) > 1:
            yield f"task {task_id}: extended {len(moved)} times"
        original = next((due_at for due_at in given if due_at is not None), None)
        if document["original_due_at"] != original:
            yield f"task {task_id}: original_due_at is {document['original_due_at']}, first given was {original}"
        if document["due_at"] != (moved or [original])[-1]:
            yield f"task {task_id}: due_at is {document['due_at']}, given {original}, moved to {moved}"


_GIVE_A_DEADLINE: Final = ("assigned", "deadline_set")


def misses_are_recorded(books: Books) -> Differences:
    """What passed unreported is missed, once, and nothing else is."""
    for task_id, document in books.tasks.items():
        due_at, missed_at = document["due_at"], document["missed_at"]
        recorded = [entry["at"] for entry in document["history"] if entry["act"] == "explanation_required"]
        if len(recorded) != (missed_at is not None):
            yield f"task {task_id}: missed_at is {missed_at}, and its history has {len(recorded)} misses"
        if missed_at is not None and (missed_at < due_at or not all(at > due_at for at in recorded)):
            yield f"task {task_id}: missed at {missed_at}, recorded at {recorded}, due only at {due_at}"
        if missed_at is None and _should_be_missed(document, books.now):
            yield f"task {task_id}: was due at {due_at}, it is {books.now}, and no miss is recorded"


def _should_be_missed(document: Record, now: datetime) -> bool:
    due_at, report = document["due_at"], document["report"]
    if due_at is None or now <= due_at or document["stage"] in {"refused", "recalled"}:
        return False
    stands = report["state"] in {"submitted", "accepted"}
    return document["extension"]["state"] != "pending" and not (stands and report["submitted_at"] <= due_at)


def every_version_was_published(books: Books) -> Differences:
    """What was published is what stands in the histories, word for word, and all of it."""
    heard: dict[tuple[str, int], Event[Any]] = {}
    for event in books.published:
        if event.type.startswith("task."):
            heard.setdefault((event.subject, int(event.sequence)), event)
            if event.data.act.sequence != int(event.sequence) or event.data.task.version != int(event.sequence):
                yield f"task {event.subject}: event {event.id} is of two versions"
    for task_id, versions in books.lives.items():
        for version in versions:
            key = task_id, version.entry.sequence
            if key not in heard:
                yield f"task {task_id}: version {version.entry.sequence} was never published"
                continue
            event = heard.pop(key)
            if kind_of(event.type) != version.kind or _as_json(event.data.act) != _as_json(
                to_wire_entry(version.entry)
            ):
                yield f"task {task_id}: {event.type} was published as version {event.sequence}, {version.kind} stands"
            elif event.data.task != _on_the_wire(version.task):
                yield f"task {task_id}: version {event.sequence} was published otherwise than it stands"
    yield from (f"task {task}: version {number} was published and is not there" for task, number in heard)


def _as_json(act: wire.HistoryEntry) -> dict[str, Any]:
    return act.model_dump(mode="json")


def _on_the_wire(task: Task) -> wire.Task:
    return wire.Task.model_validate(to_fields(task))


def deadline_watches_the_tasks(books: Books) -> Differences:
    yield from _others("deadline watches", books.watches, books.lives)
    for task_id, versions in books.lives.items():
        watch, task = books.watches.get(task_id), versions[-1].task
        if watch is None:
            yield f"task {task_id}: deadline does not watch it"
            continue
        if watch["sequence"] != task.version:
            yield f"task {task_id}: deadline has version {watch['sequence']}, assignment {task.version}"
        elif wire.Task.model_validate(watch["task"]) != _on_the_wire(task):
            yield f"task {task_id}: deadline has version {task.version} otherwise than assignment"
        if (waits := watch.get("next_moment")) is not None and waits < books.now:
            yield f"task {task_id}: deadline has not dealt with the moment {waits}"


def _others(what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Differences:
    yield from (f"task {key}: {what} it, and assignment does not know it" for key in found if key not in expected)


def announcements_were_right(books: Books) -> Differences:
    """Each moment was announced once, never early, of a task as it then was; and those that must be told were."""
    by_id: dict[str, Event[Any]] = {}
    for event in books.published:
        if event.type.startswith("deadline."):
            if by_id.setdefault(event.id, event) != event:
                yield f"task {event.subject}: {event.id} was announced at {by_id[event.id].time} and at {event.time}"
            yield from _wrong(event, books)
    told = {(event.subject, kind_of(event.type), event.data.moment) for event in by_id.values()}
    for task_id, watch in books.watches.items():
        for kind in _ALWAYS_TOLD & watch["dealt_with"].keys():
            if (task_id, f"deadline.{kind}", watch["dealt_with"][kind]) not in told:
                yield f"task {task_id}: {kind} of {watch['dealt_with'][kind]} was never announced"


_ALWAYS_TOLD: Final = {"missed", "receipt_overdue", "report_missing", "explanation_overdue"}


def _wrong(event: Event[Any], books: Books) -> Differences:
    brief, versions = event.data, books.lives.get(event.subject, [])
    if event.time <= brief.moment:
        yield f"task {event.subject}: {event.id} was announced early, at {event.time}"
    if len(versions) < brief.sequence:
        yield f"task {event.subject}: {event.id} is of version {brief.sequence}, which is not there"
        return
    task = versions[brief.sequence - 1].task
    yield from (
        f"task {event.subject}: {event.id} says {name} {getattr(brief, name)}, it was {getattr(task, name)}"
        for name in ("lead_agency", "coordinating_agencies", "monitor", "assigner", "entered_by", "officer", "due_at")
        if getattr(brief, name) != getattr(task, name)
    )
    if not _MOMENTS[kind_of(event.type)](task, brief.moment):
        yield f"task {event.subject}: {event.id} tells of a moment that is none of version {brief.sequence}"


def _before_due(task: Task, moment: datetime, *, days: bool) -> bool:
    """Whether it is a morning before the due day, or of it."""
    if task.due_at is None or task.stage not in {"assigned", "received", "in_progress"}:
        return False
    apart = task.due_at.astimezone(HANOI).date() - moment.astimezone(HANOI).date()
    return (apart > timedelta()) if days else (apart == timedelta() and moment < task.due_at)


_MOMENTS: Final[Mapping[str, Callable[[Task, datetime], bool]]] = {
    "deadline.due_soon": lambda task, moment: _before_due(task, moment, days=True),
    "deadline.due_today": lambda task, moment: _before_due(task, moment, days=False),
    "deadline.missed": lambda task, moment: moment == task.due_at,
    "deadline.receipt_overdue": lambda task, moment: moment == task.receipt_due_at and task.stage == "assigned",
    "deadline.report_missing": lambda task, moment: moment == task.report_due_at and task.stage == "in_progress",
    "deadline.explanation_overdue": lambda task, moment: moment == task.explanation.due_at,
}


def inboxes_are_complete(books: Books) -> Differences:
    """Everyone who is to be told has one entry of it, and nobody has another."""
    expected, found = _demanded(books), Counter(map(_told, books.inbox))
    for entry, count in ((expected - found) + (found - expected)).items():
        username, task_id, kind, at = entry
        there = found[entry]
        what = (
            "was not told"
            if there < expected[entry]
            else "was told without reason"
            if there == count
            else "was told twice"
        )
        yield f"task {task_id}: notification: {username} {what} of {kind} at {at}"


Told = tuple[str, str, str, datetime]
"""Who was told, of which task, what, and when that was."""


def _told(entry: Record) -> Told:
    return entry["username"], entry["task_id"], entry["kind"], entry["at"]


def _demanded(books: Books) -> Counter[Told]:
    readers = Readers(books.accounts)
    demanded: Counter[Told] = Counter()
    for task_id, versions in books.lives.items():
        for version in versions:
            for username in readers.told(version.kind, version.task, version.entry):
                demanded[username, task_id, version.kind, version.entry.at] += 1
    for event in {event.id: event for event in books.published if event.type.startswith("deadline.")}.values():
        for username in readers.told(kind_of(event.type), event.data):
            demanded[username, event.subject, kind_of(event.type), event.time] += 1
    return demanded


def reporting_has_every_version(books: Books) -> Differences:
    expected = {f"{task_id}:{row['sequence']}": row for task_id in books.lives for row in _rows(books.lives[task_id])}
    yield from (f"row {key}: reporting has it, and assignment does not" for key in books.rows if key not in expected)
    for key, row in expected.items():
        there = books.rows.get(key)
        if there is None:
            yield f"row {key}: missing in reporting"
            continue
        yield from (
            f"row {key}: reporting has {name} {there.get(name)}, assignment {value}"
            for name, value in row.items()
            if there.get(name) != value
        )


def _rows(versions: Sequence[Version]) -> Iterator[Record]:
    for number, version in enumerate(versions):
        task, later = version.task, [one.entry.at for one in versions[number + 1 :]]
        report, requests = task.report, task.extension.requests
        stands = report.state in {"submitted", "accepted"}
        yield {
            "task": task.id,
            "sequence": number + 1,
            "at": version.entry.at,
            "until": min(later, default=_NEWEST),
            "stage": task.stage,
            "lead_agency": task.lead_agency,
            "assigner": task.assigner,
            "field": task.field,
            "assigned_at": task.assigned_at,
            "due_at": task.due_at,
            "completed_at": task.completed_at,
            "submitted_at": report.submitted_at if stands else None,
            "missed_at": task.missed_at,
            "report_due_at": task.report_due_at,
            "explanation": task.explanation.state,
            "explanation_due_at": task.explanation.due_at,
            "extensions_requested": len(requests),
            "extensions_approved": sum(request.state == "approved" for request in requests),
            "reports_returned": report.returns,
            "urgings": task.urgings,
        }


CLAUSES: Final[tuple[Callable[[Books], Differences], ...]] = (
    nothing_is_on_its_way,
    histories_make_the_tasks,
    acknowledged_requests_stand_once,
    acknowledged_batches_are_whole,
    deadlines_move_once,
    misses_are_recorded,
    every_version_was_published,
    deadline_watches_the_tasks,
    announcements_were_right,
    inboxes_are_complete,
    reporting_has_every_version,
)
