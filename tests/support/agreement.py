"""Whether the databases have what was acknowledged, and all four services agree.

The checks read the databases as the administrator, and judge by the history of each task. What must be in the inboxes,
in the announcements and in the rows of reporting is written here a second time; no service is asked for it.
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
from tests.support.clock import HANOI
from tests.support.expected_recipients import usernames_notified
from tests.support.reminder_truth import is_contradicted
from tests.support.stored_state import Record, StoredState, Version, read_stored_state
from tests.support.workload import Request, Workload

_SHOWN: Final = 20
_NEWEST: Final = datetime(9999, 12, 31, tzinfo=UTC)

Differences = Iterator[str]


@dataclass(frozen=True)
class Figures:
    """How much was compared."""

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


async def assert_agreement(workload: Workload, *, seconds: float = 60) -> Figures:
    """Wait until nothing is left to do, check everything, and return how much that was."""
    now = workload.stack.now()
    await workload.stack.services.wait_until_idle(seconds=seconds)
    state = await read_stored_state(workload, now)
    found = differences(state)
    shown = "\n  ".join(found[:_SHOWN])
    assert not found, f"{len(found)} differences:\n  {shown}"
    return Figures(
        tasks=len(state.tasks),
        entries=sum(map(len, state.versions.values())),
        acknowledged=len(workload.acknowledged.tasks) + len(workload.acknowledged.batches),
        told=len(state.inbox),
        published=len(state.published),
    )


def differences(state: StoredState) -> list[str]:
    """Return what is wrong. Each line names the task, the service and what differs."""
    return [found for check in CHECKS for found in check(state)]


def nothing_is_on_its_way(state: StoredState) -> Differences:
    yield from (f"{collection}: an outbox is not empty" for collection in state.full_outboxes)
    yield from (f"{service}: there are dead letters" for service in state.dead_letters)
    yield from (f"batch {batch}: still open" for batch, document in state.batches.items() if "open_since" in document)


def histories_make_the_tasks(state: StoredState) -> Differences:
    """Each history is numbered 1, 2, 3 and so on. Its replay is the task."""
    yield from state.unreplayable
    for task_id, versions in state.versions.items():
        document = state.tasks[task_id]
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
    return {name: state[name] for name in ("agencies", "waiting", "work", "due_order", "words", "marks", "derived_at")}


def _unequal(what: str, found: Any, expected: Any) -> Differences:
    for one in fields(expected):
        there, right = getattr(found, one.name), getattr(expected, one.name)
        if there != right:
            yield f"{what}: {one.name} is {there}, and should be {right}"


def acknowledged_requests_stand_once(state: StoredState) -> Differences:
    """Every acknowledged request is in a history. No request is there twice, acknowledged or not."""
    yield from state.acknowledged.contradictions
    found: defaultdict[tuple[Request, str], list[int]] = defaultdict(list)
    first: Counter[Request] = Counter()
    for task_id, document in state.tasks.items():
        for entry in document["history"]:
            if entry.get("key") is not None:
                request = Request(entry["by"], entry["key"])
                found[request, task_id].append(entry["sequence"])
                first[request] += entry["sequence"] == 1
    for (request, task_id), sequences in found.items():
        if len(sequences) > 1:
            yield f"task {task_id}: {request} stands in its history at {sequences}"
    yield from (f"{request} made {count} tasks" for request, count in first.items() if count > 1)
    for request, (task_id, version) in state.acknowledged.tasks.items():
        if (request, task_id) not in found:
            yield f"task {task_id}: {request} was acknowledged and is not in its history"
        elif state.tasks[task_id]["version"] < version:
            yield f"task {task_id}: {request} was answered with version {version}, which is not there"


def acknowledged_batches_are_whole(state: StoredState) -> Differences:
    made: defaultdict[str, set[str]] = defaultdict(set)
    for task_id, document in state.tasks.items():
        if document["batch"] is not None:
            made[document["batch"]].add(task_id)
    for request, tasks in state.acknowledged.batches.items():
        there = [made[batch] for batch in {state.tasks[task]["batch"] for task in tasks if task in state.tasks}]
        if there != [set(tasks)]:
            yield f"task {tasks[0]}: {request} was answered with its batch of {len(tasks)} tasks, which is not whole"
    yield from (f"batch {batch}: has tasks and no document" for batch in made if batch not in state.batches)


def deadlines_move_once(state: StoredState) -> Differences:
    """One extension at most, and the first deadline is kept."""
    for task_id, document in state.tasks.items():
        requests = document["extension"]["requests"]
        for wanted in ("approved", "pending"):
            if (count := sum(request["state"] == wanted for request in requests)) > 1:
                yield f"task {task_id}: {count} extension requests are {wanted}"
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


def misses_are_recorded(state: StoredState) -> Differences:
    """A task without a report in time has one miss. Other tasks have none."""
    for task_id, document in state.tasks.items():
        due_at, missed_at = document["due_at"], document["missed_at"]
        recorded = [entry["at"] for entry in document["history"] if entry["act"] == "explanation_required"]
        if len(recorded) != (missed_at is not None):
            yield f"task {task_id}: missed_at is {missed_at}, and its history has {len(recorded)} misses"
        if missed_at is not None and (missed_at < due_at or not all(at > due_at for at in recorded)):
            yield f"task {task_id}: missed at {missed_at}, recorded at {recorded}, due only at {due_at}"
        if missed_at is None and _should_be_missed(document, state.now):
            yield f"task {task_id}: was due at {due_at}, it is {state.now}, and no miss is recorded"


def _should_be_missed(document: Record, now: datetime) -> bool:
    due_at, report = document["due_at"], document["report"]
    if due_at is None or now <= due_at or document["stage"] in {"refused", "recalled"}:
        return False
    stands = report["state"] in {"submitted", "accepted"}
    return document["extension"]["state"] != "pending" and not (stands and report["submitted_at"] <= due_at)


def every_version_was_published(state: StoredState) -> Differences:
    """Every history entry was published as it stands in the history, and nothing else was."""
    published: dict[tuple[str, int], Event[Any]] = {}
    for event in state.published:
        if event.type.startswith("task."):
            published.setdefault((event.subject, int(event.sequence)), event)
            if event.data.act.sequence != int(event.sequence) or event.data.task.version != int(event.sequence):
                yield f"task {event.subject}: event {event.id} is of two versions"
    for task_id, versions in state.versions.items():
        for version in versions:
            key = task_id, version.entry.sequence
            if key not in published:
                yield f"task {task_id}: version {version.entry.sequence} was never published"
                continue
            event = published.pop(key)
            if kind_of(event.type) != version.kind or _as_json(event.data.act) != _as_json(
                to_wire_entry(version.entry)
            ):
                yield f"task {task_id}: {event.type} was published as version {event.sequence}, {version.kind} stands"
            elif event.data.task != _on_the_wire(version.task):
                yield f"task {task_id}: version {event.sequence} was published otherwise than it stands"
    yield from (f"task {task}: version {number} was published and is not there" for task, number in published)


def _as_json(act: wire.HistoryEntry) -> dict[str, Any]:
    return act.model_dump(mode="json")


def _on_the_wire(task: Task) -> wire.Task:
    return wire.Task.model_validate(to_fields(task))


def deadline_watches_the_tasks(state: StoredState) -> Differences:
    yield from _others("deadline watches", state.watches, state.versions)
    for task_id, versions in state.versions.items():
        watch, task = state.watches.get(task_id), versions[-1].task
        if watch is None:
            yield f"task {task_id}: deadline does not watch it"
            continue
        if watch["sequence"] != task.version:
            yield f"task {task_id}: deadline has version {watch['sequence']}, assignment {task.version}"
        elif wire.Task.model_validate(watch["task"]) != _on_the_wire(task):
            yield f"task {task_id}: deadline has version {task.version} otherwise than assignment"
        if (waits := watch.get("next_moment")) is not None and waits < state.now:
            yield f"task {task_id}: deadline has not dealt with the moment {waits}"


def _others(what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Differences:
    yield from (f"task {key}: {what} it, and assignment does not know it" for key in found if key not in expected)


def announcements_were_right(state: StoredState) -> Differences:
    """Each moment was announced once, never early, and with the task as it then was. Nothing was left out."""
    by_id: dict[str, Event[Any]] = {}
    for event in state.published:
        if event.type.startswith("deadline."):
            if by_id.setdefault(event.id, event) != event:
                yield f"task {event.subject}: {event.id} was announced at {by_id[event.id].time} and at {event.time}"
            yield from _wrong(event, state)
    told = {(event.subject, kind_of(event.type), event.data.moment) for event in by_id.values()}
    for task_id, watch in state.watches.items():
        for kind in _ALWAYS_TOLD & watch["dealt_with"].keys():
            if (task_id, f"deadline.{kind}", watch["dealt_with"][kind]) not in told:
                yield f"task {task_id}: {kind} of {watch['dealt_with'][kind]} was never announced"


_ALWAYS_TOLD: Final = {"missed", "receipt_overdue", "report_missing", "explanation_overdue"}


def _wrong(event: Event[Any], state: StoredState) -> Differences:
    brief, versions = event.data, state.versions.get(event.subject, [])
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
    """Whether the moment is a morning before the due day (`days`) or of it."""
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


def inboxes_are_complete(state: StoredState) -> Differences:
    """Everyone who must be notified has one inbox entry, and nobody else has one.

    A reminder that a later version contradicts may have been told before that version came, or dropped after it.
    """
    expected, found = _demanded(state), Counter(map(_told, state.inbox))
    optional = _overtaken(state)
    for entry, count in ((expected - found - optional) + (found - expected)).items():
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
"""Who was notified, of which task, of what, and of when."""


def _told(entry: Record) -> Told:
    return entry["username"], entry["task_id"], entry["kind"], entry["at"]


def _demanded(state: StoredState) -> Counter[Told]:
    demanded: Counter[Told] = Counter()
    for task_id, versions in state.versions.items():
        for before, version in zip([None, *versions], versions, strict=False):
            earlier = before.task if before else None
            for username in usernames_notified(state.accounts, version.kind, version.task, version.entry, earlier):
                demanded[username, task_id, version.kind, version.entry.at] += 1
    for event in {event.id: event for event in state.published if event.type.startswith("deadline.")}.values():
        for username in usernames_notified(state.accounts, kind_of(event.type), event.data):
            demanded[username, event.subject, kind_of(event.type), event.time] += 1
    return demanded


def _overtaken(state: StoredState) -> Counter[Told]:
    overtaken: Counter[Told] = Counter()
    for event in {event.id: event for event in state.published if event.type.startswith("deadline.")}.values():
        if _is_overtaken(event, state):
            for username in usernames_notified(state.accounts, kind_of(event.type), event.data):
                overtaken[username, event.subject, kind_of(event.type), event.time] += 1
    return overtaken


def _is_overtaken(event: Event[Any], state: StoredState) -> bool:
    kind, brief = kind_of(event.type), event.data
    if kind in {"deadline.due_soon", "deadline.due_today"} and state.now > brief.due_at:
        return True
    later = state.versions.get(event.subject, [])[brief.sequence :]
    return any(is_contradicted(kind, brief, version.task) for version in later)


def reporting_has_every_version(state: StoredState) -> Differences:
    expected = {
        f"{task_id}:{row['sequence']}": row for task_id in state.versions for row in _rows(state.versions[task_id])
    }
    yield from (f"row {key}: reporting has it, and assignment does not" for key in state.rows if key not in expected)
    for key, row in expected.items():
        there = state.rows.get(key)
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


CHECKS: Final[tuple[Callable[[StoredState], Differences], ...]] = (
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
