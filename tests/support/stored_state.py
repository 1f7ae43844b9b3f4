"""What all four services have stored, read as the administrator of MongoDB, and what they have published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from bson import CodecOptions

from services.assignment.tasks.rules.assigning import assigned
from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.task import evolve
from services.assignment.tasks.store.records import to_entry
from shared.events.envelope import Event
from shared.messaging.topology import dead_queue
from tests.support.messaging import ready_in
from tests.support.workload import Acknowledged, Workload

_AWARE: Final = CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC)
_WAITS: Final = {"$or": [{"pending_since": {"$exists": True}}, {"outbox.0": {"$exists": True}}]}

Record = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """A task after one entry of its history."""

    entry: HistoryEntry
    task: Task

    @property
    def kind(self) -> str:
        return f"task.{self.entry.act}"


@dataclass(frozen=True, kw_only=True)
class StoredState:
    """What all services have stored and published by `now`, with nothing left to do."""

    now: datetime
    tasks: dict[str, Record]
    batches: dict[str, Record]
    accounts: list[Record]
    watches: dict[str, Record]
    rows: dict[str, Record]
    inbox: list[Record]
    published: Sequence[Event[Any]]
    full_outboxes: list[str] = field(default_factory=list)
    """Collections in which an outbox is not empty."""
    dead_letters: list[str] = field(default_factory=list)
    """Services with dead letters."""
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """The versions of every task whose history can be replayed."""
    unreplayable: list[str] = field(default_factory=list)
    """What is wrong with the other histories."""

    def replayed(self) -> StoredState:
        """Return the same state with every history replayed: `versions`, `unreplayable`."""
        versions, unreplayable = {}, []
        for task_id, document in self.tasks.items():
            try:
                versions[task_id] = _versions(task_id, document["history"])
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                unreplayable.append(f"task {task_id}: its history cannot be replayed: {error!r}")
        return replace(self, versions=versions, unreplayable=unreplayable)


def _versions(task_id: str, history: Sequence[Record]) -> list[Version]:
    first, *rest = map(to_entry, history)
    versions = [Version(first, assigned(task_id, first))]
    for entry in rest:
        versions.append(Version(entry, evolve(versions[-1].task, entry)))
    return versions


async def read_stored_state(workload: Workload, now: datetime) -> StoredState:
    """Read all databases, and what was published and acknowledged."""
    stack = workload.stack.services
    databases = {
        service: stack.servers.administration.get_database(name, codec_options=_AWARE)
        for service, name in stack.databases.items()
    }

    async def read(service: str, collection: str, without: Sequence[str] = ()) -> list[Record]:
        left_out = dict.fromkeys(without, 0)
        return await databases[service][collection].find({}, left_out or None).to_list()

    return StoredState(
        now=now,
        tasks=_by_id(await read("assignment", "tasks", ["outbox.body"])),
        batches=_by_id(await read("assignment", "batches", ["items", "first"])),
        accounts=await read("assignment", "accounts"),
        watches=_by_id(await read("deadline", "watches", ["outbox.body"])),
        rows=_by_id(await read("reporting", "versions")),
        inbox=await read("notification", "inbox", ["title", "text"]),
        published=await workload.published.read(),
        full_outboxes=[
            f"{service}.{collection}"
            for service, database in databases.items()
            for collection in await database.list_collection_names()
            if await database[collection].find_one(_WAITS, {"_id": 1})
        ],
        dead_letters=[
            service
            for service in databases
            if await ready_in(stack.servers.rabbitmq.administrator_uri(stack.vhost), dead_queue(service))
        ],
        acknowledged=workload.acknowledged,
    ).replayed()


def _by_id(documents: Sequence[Record]) -> dict[str, Record]:
    return {document["_id"]: document for document in documents}
