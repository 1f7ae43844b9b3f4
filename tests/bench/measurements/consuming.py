"""Consuming events, beside a bare FastStream consumer with one upsert. The queue is full when either begins.

The consumer, handlers and store of each service run in this process without HTTP, so only consuming is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from services.deadline import consumers as deadline
from services.deadline.handlers import Observer
from services.deadline.store import INDEXES as WATCH_INDEXES
from services.deadline.store import WATCHES, WatchStore
from services.notification import consumers as notification
from services.notification.handlers import Notifier
from services.notification.known_tasks import INDEXES as TASK_INDEXES
from services.notification.known_tasks import KnownTasks
from services.notification.rules.routing import Person
from services.notification.store import INDEXES as INBOX_INDEXES
from services.notification.store import DirectoryCopy, Inbox
from services.notification.truth import Truth
from services.reporting import consumers as reporting
from services.reporting.handlers import Recorder
from services.reporting.store import INDEXES as VERSION_INDEXES
from services.reporting.store import VERSIONS, Names, Versions
from shared.clock import SystemClock
from shared.events.codec import encode
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import DeliveryPolicy
from shared.messaging.publisher import Publisher, make_message
from shared.messaging.relay import RECORDED_AT
from shared.messaging.router import EventRouter
from shared.messaging.topology import events_queue
from shared.mongo import Database, connect, ensure_indexes
from shared.office.vocabulary import Role
from shared.settings import ServiceSettings
from tests.bench.bare.consumer import QUEUE, bare_consumer
from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.rounds import Round, compare
from tests.bench.tasks import CALENDAR, Lived, a_task
from tests.support.running_stack import AGENCIES, PEOPLE

_TASKS: Final = 250
_LIVES: Final = 2
_ROUNDS: Final = 3
PREFETCH: Final[int] = ServiceSettings.model_fields["prefetch"].default


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only()
    lives = [[a_task() for _ in range(_TASKS)] for _ in range(_LIVES)]
    findings = []
    for service in CONSUMERS:
        bench = ConsumerBench(installation, service)
        await bench.open()
        fresh = iter(lives * (_ROUNDS + 1))
        compared = await compare(lambda: bench.ours(next(fresh)), lambda: bench.bare(next(fresh)), rounds=_ROUNDS)  # noqa: B023
        await bench.close()
        findings.append(ratio_found(f"consumer of {service}, prefetch {PREFETCH}", compared, Aim(0.8)))
    return findings


class Progress:
    """Counts the messages that were begun and done, and waits for the last."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._number = number
        self._began: float | None = None
        self._seconds = 0.0
        self._over = asyncio.Event()

    def began(self) -> None:
        self._began = self._began or perf_counter()

    def done(self) -> None:
        self._left -= 1
        if self._left == 0 and self._began is not None:
            self._seconds = perf_counter() - self._began
            self._over.set()

    async def over(self) -> Round:
        await self._over.wait()
        return Round(self._number, self._seconds)


@dataclass(frozen=True, slots=True)
class Part:
    """The handlers of a service on a database, their indexes, and the collection that they fill."""

    consumers: EventRouter
    prepare: Callable[[], Awaitable[None]]
    fills: str


def _deadline(database: Database) -> Part:
    async def prepare() -> None:
        await ensure_indexes(database, WATCH_INDEXES)

    return Part(deadline.consumers(Observer(WatchStore(database), CALENDAR)), prepare, WATCHES)


def _notification(database: Database) -> Part:
    directory = DirectoryCopy(database)
    notifier = Notifier(directory, Inbox(database), CALENDAR, Truth(KnownTasks(database)), SystemClock())

    async def prepare() -> None:
        await ensure_indexes(database, (*INBOX_INDEXES, *TASK_INDEXES))
        for code, (name, _) in AGENCIES.items():
            await directory.keep_agency(code, name, 1)
        for username, (role, agency) in PEOPLE.items():
            await directory.keep_person(Person(username, Role(role), agency), 1, CALENDAR_BEGINS)

    return Part(notification.consumers(notifier), prepare, "inbox")


def _reporting(database: Database) -> Part:
    records = Recorder(Versions(database), Names(database))

    async def prepare() -> None:
        await ensure_indexes(database, VERSION_INDEXES)

    return Part(reporting.consumers(records), prepare, VERSIONS)


CALENDAR_BEGINS: Final = a_task(steps=0).task.assigned_at
CONSUMERS: Final[Mapping[str, Callable[[Database], Part]]] = {
    "deadline": _deadline,
    "notification": _notification,
    "reporting": _reporting,
}


class ConsumerBench:
    """The consumer of one service and the bare one, on the same broker and database."""

    def __init__(self, installation: Installation, service: str) -> None:
        stack = installation.services
        self._installation = installation
        self._service = service
        self._amqp_url = stack.amqp_url
        self._client = connect(stack.database_uris[service], "bench")
        self._database = self._client[stack.databases[service]]
        self._part = CONSUMERS[service](self._database)
        self._publisher = Publisher(self._amqp_url, [1], name="bench")

    async def open(self) -> None:
        await self._part.prepare()
        await self._publisher.open()
        await self._declare_bare_queue()

    async def close(self) -> None:
        await self._publisher.close()
        self._client.close()

    async def ours(self, lives: Sequence[Lived]) -> Round:
        """Let the service handle all events of these tasks."""
        await self._installation.purge()
        await self._database[self._part.fills].delete_many({})
        progress = Progress(await self._publish(lives, events_queue(self._service)))
        policy = CountedPolicy(self._service, self._publisher, progress)
        consumer = Consumer(self._service, self._amqp_url, self._part.consumers, policy, prefetch=PREFETCH)
        await consumer.start()
        taken = await progress.over()
        await consumer.stop()
        return taken

    async def bare(self, lives: Sequence[Lived]) -> Round:
        collection = self._database["bare_consumed"]
        await collection.delete_many({})
        progress = Progress(await self._publish(lives, QUEUE))
        broker = bare_consumer(self._amqp_url, collection, PREFETCH, progress.began, progress.done)
        await broker.start()
        taken = await progress.over()
        await broker.stop()
        return taken

    async def _publish(self, lives: Sequence[Lived], queue: str) -> int:
        """Fill the queue: all tasks are assigned, then all are received, and so on."""
        events = [event for together in zip(*(life.events for life in lives), strict=True) for event in together]
        for chunk in _chunks(events, 100):
            await asyncio.gather(*(self._publish_one(event, queue) for event in chunk))
        return len(events)

    async def _publish_one(self, event: Any, queue: str) -> None:
        headers = {RECORDED_AT: event.time.isoformat()}
        message = make_message(encode(event), event_id=event.id, event_type=event.type, headers=headers)
        await self._publisher.publish(message, queue)

    async def _declare_bare_queue(self) -> None:
        broker = bare_consumer(self._amqp_url, self._database["bare_consumed"], PREFETCH, lambda: None, lambda: None)
        await broker.start()
        await broker.stop()


class CountedPolicy(DeliveryPolicy):
    """The policy of every consumer, which also tells of each message that begins and ends."""

    def __init__(self, service: str, publisher: Publisher, progress: Progress) -> None:
        super().__init__(service, publisher, retry_delays=[1])
        self._progress = progress

    def begin(self) -> None:
        self._progress.began()
        super().begin()

    def end(self) -> None:
        super().end()
        self._progress.done()


def _chunks(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (items[at : at + size] for at in range(0, len(items), size))
