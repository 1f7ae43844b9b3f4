"""All events of a task in any order and more than once: each service ends with the same records."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.deadline.handlers import Observer
from services.deadline.monitor import Monitor
from services.deadline.store import WatchStore
from services.notification.handlers import Notifier
from services.notification.known_tasks import KnownTasks
from services.notification.store import DirectoryCopy, Inbox
from services.notification.truth import Truth
from services.reporting.handlers import Recorder
from services.reporting.store import Names, Versions
from shared.events.envelope import Event
from shared.events.names import DATA_OF
from shared.messaging.topology import dead_queue
from shared.mongo import Database, connect
from shared.office.vocabulary import Stage
from tests.support.clock import FakeClock
from tests.support.consumers import CONSUMERS, running, send, sender
from tests.support.deadline_tasks import a_task, always, event_of
from tests.support.lives import LIVES, lived_as
from tests.support.messaging import ready_in, settled
from tests.support.notification_events import ASSIGNED_AT, CALENDAR, the_directory
from tests.support.servers import Database as OwnDatabase
from tests.support.servers import Databases, Vhost

FULL = os.environ.get("DONDOC_PROOF") == "full"
SEED = int(os.environ.get("DONDOC_SEED", "1"))
RANDOM_ORDERS = 40 if FULL else 2
ONCE_IN_ORDER = "plain"


@dataclass(frozen=True)
class Consumers:
    """The three running services and their databases."""

    servers: Servers
    vhost: Vhost
    databases: dict[str, Database]

    async def tell(self, *orders: Sequence[Event[Any]]) -> None:
        """Publish several orders at the same time, and wait until nothing is on its way."""
        async with sender(self.vhost.amqp_url) as publisher:
            await asyncio.gather(*(send(publisher, order) for order in orders))
        await settled(self.servers, self.vhost, CONSUMERS, within=120)

    async def take_in(self, events: Sequence[Event[Any]]) -> None:
        """Call the services' own handlers with each event, once, in this order."""
        observer = Observer(WatchStore(self.databases["deadline"]), CALENDAR)
        notifier = _notifier(self.databases["notification"])
        records = Recorder(Versions(self.databases["reporting"]), Names(self.databases["reporting"]))
        for event in events:
            if event.type.startswith("task."):
                await observer.take_in(event)
                await records.record_task(event)
            await notifier.tell(event)

    async def held_of(self, task_id: str) -> dict[str, list[Any]]:
        """Return the records that the services have of a task, without its id.

        Reminders are left out: those that the order made untrue before they came were dropped.
        """
        inbox, acts = self.databases["notification"]["inbox"], {"$not": {"$regex": "^deadline"}}
        found = {
            "watches": self.databases["deadline"]["watches"].find({"_id": task_id}, {"writes": 0}),
            "known": self.databases["notification"]["tasks"].find({"_id": task_id}),
            "inbox": inbox.find({"task_id": task_id, "kind": acts}, {"_id": 0}),
            "versions": self.databases["reporting"]["versions"].find({"task": task_id}),
        }
        return {name: _without(task_id, [document async for document in cursor]) for name, cursor in found.items()}


def _notifier(database: Database) -> Notifier:
    truth, clock = Truth(KnownTasks(database)), FakeClock(ASSIGNED_AT)
    return Notifier(DirectoryCopy(database), Inbox(database), CALENDAR, truth, clock)


def _without(task_id: str, documents: list[Any]) -> list[Any]:
    return sorted(repr(document).replace(task_id, "it") for document in documents)


@asynccontextmanager
async def collections_of(database: OwnDatabase) -> AsyncIterator[Database]:
    client = connect(database.uri, "tests")
    yield client[database.name]
    client.close()


@pytest.fixture
async def consumers(servers: Servers, vhost: Vhost, databases: Databases) -> AsyncIterator[Consumers]:
    async with AsyncExitStack() as services:
        yield Consumers(
            servers,
            vhost,
            {
                service: await services.enter_async_context(
                    running(service, await databases.create(service), vhost.amqp_url)
                )
                for service in CONSUMERS
            },
        )


def orders_of(events: Sequence[Event[Any]]) -> dict[str, list[Event[Any]]]:
    """Return orders in which to publish the events, each at least once."""
    random = Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    orders = {
        "each-twice": [event for event in events for _ in range(2)],
        "backwards": list(reversed(events)),
    }
    for number in range(RANDOM_ORDERS):
        order = [*events, *random.choices(events, k=len(events))]
        random.shuffle(order)
        orders[f"random-{number}"] = order
    return orders


def test_the_lives_tell_of_everything_that_can_happen_to_a_task() -> None:
    told = {event.type for life in LIVES.values() for event in life().events}
    assert told == {name for name in DATA_OF if name.startswith(("task.", "deadline."))}


async def test_a_life_told_in_any_order_and_repeatedly_leaves_what_it_leaves_told_once_in_order(
    consumers: Consumers,
) -> None:
    lives = {name: life().events for name, life in LIVES.items()}
    copies = {
        f"{name}.{order}": lived_as(f"{name}.{order}", events)
        for name, life in lives.items()
        for order, events in orders_of(life).items()
    }
    # Only accounts that are known when an event comes are notified.
    await consumers.tell(the_directory(), list(reversed(the_directory())))
    await consumers.tell(*copies.values())
    for name, life in lives.items():
        await consumers.take_in(lived_as(f"{name}.{ONCE_IN_ORDER}", life))
    for task_id in copies:
        plain = f"{task_id.partition('.')[0]}.{ONCE_IN_ORDER}"
        assert await consumers.held_of(task_id) == await consumers.held_of(plain), task_id
    for service in CONSUMERS:
        assert await ready_in(consumers.vhost.amqp_url, dead_queue(service)) == 0


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (2, 1, 2, 1)])
async def test_a_reminder_that_came_during_an_outage_is_told_in_whatever_order_the_events_waited(
    database: OwnDatabase, order: Sequence[int]
) -> None:
    reminded_at = CALENDAR.start_of_day(date(2026, 12, 15), 7)
    states = {
        1: event_of(a_task()),
        2: event_of(a_task(version=2, stage=Stage.IN_PROGRESS), at=reminded_at + timedelta(hours=26)),
    }
    async with collections_of(database) as collections:
        store = WatchStore(collections)
        observer = Observer(store, CALENDAR)
        for version in order:
            await observer.take_in(states[version])
        clock = FakeClock(reminded_at + timedelta(hours=27))
        monitor = Monitor(store, clock, CALENDAR, lambda _: None, always, poll_interval=1, batch=10)
        while await monitor.step():
            pass
        (watch,) = [document async for document in store.collection.find()]
    assert [entry["type"] for entry in watch["outbox"]] == ["deadline.due_soon.v1"]
