"""What notification keeps of tasks on a real MongoDB, and the reminders that it drops by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.notification.handlers import Notifier
from services.notification.known_tasks import KnownTasks
from services.notification.rules.truth import KnownTask
from services.notification.store import INDEXES, DirectoryCopy, Inbox
from services.notification.truth import Truth
from shared.mongo import Database, connect, ensure_indexes
from shared.office.vocabulary import Stage
from tests.support.clock import FakeClock
from tests.support.notification_events import (
    AGENCIES,
    ASSIGNED_AT,
    CALENDAR,
    DUE_AT,
    a_task,
    account_told,
    moment_told,
    task_told,
)
from tests.support.servers import Database as OwnDatabase

HEAD = "gd-tai-chinh"
REMINDED_AT = CALENDAR.start_of_day(DUE_AT.date() - timedelta(days=3), 7)


@pytest.fixture
async def collections(database: OwnDatabase) -> AsyncIterator[Database]:
    with closing(connect(database.uri, "tests")) as client:
        await ensure_indexes(client[database.name], INDEXES)
        yield client[database.name]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ASSIGNED_AT)


@pytest.fixture
async def notifier(collections: Database, clock: FakeClock) -> Notifier:
    """A notifier that knows the agencies and one head."""
    directory = DirectoryCopy(collections)
    notifier = Notifier(directory, Inbox(collections), CALENDAR, Truth(KnownTasks(collections)), clock)
    for code, name in AGENCIES.items():
        await directory.keep_agency(code, name, 1)
    for username in (HEAD, "vt-tai-chinh", "cv-tai-chinh", "chu-tich", "dieu-phoi"):
        await notifier.learn_person(account_told(username))
    return notifier


async def texts(collections: Database, kind: str) -> list[str]:
    entries = collections["inbox"].find({"username": HEAD, "kind": kind})
    return [entry["text"]["vi"] async for entry in entries]


def dropped(kind: str) -> float:
    return REGISTRY.get_sample_value("dondoc_reminders_dropped_total", {"kind": kind}) or 0.0


async def test_the_latest_version_is_kept_whatever_the_order_and_however_many_come_at_once(
    collections: Database,
) -> None:
    stores = [KnownTasks(collections) for _ in range(3)]
    versions = [KnownTask.of(a_task(version=number, title=str(number))) for number in range(1, 21)]
    kept = [store.keep(task) for store in stores for task in [*reversed(versions), *versions]]
    await asyncio.gather(*kept)
    assert await stores[0].find("t-1") == versions[-1]
    assert await stores[0].find("t-2") is None
    assert await collections["tasks"].count_documents({}) == 1


async def test_an_agency_whose_code_looks_like_a_field_is_kept_as_it_is(collections: Database) -> None:
    store, odd = KnownTasks(collections), KnownTask.of(a_task(lead_agency="$stage"))
    await store.keep(odd)
    assert await store.find("t-1") == odd


async def test_a_reminder_of_an_earlier_version_is_dropped_and_counted(
    collections: Database, notifier: Notifier
) -> None:
    before = dropped("deadline.receipt_overdue")
    await notifier.tell(task_told("received", by=HEAD, version=2, stage=Stage.RECEIVED))
    await notifier.tell(moment_told("receipt_overdue", version=1, stage=Stage.ASSIGNED))
    assert await texts(collections, "deadline.receipt_overdue") == []
    assert dropped("deadline.receipt_overdue") == before + 1


async def test_a_reminder_of_the_version_that_is_known_or_of_an_unknown_task_is_told(
    collections: Database, notifier: Notifier
) -> None:
    reminder = moment_told("receipt_overdue", version=2, stage=Stage.ASSIGNED)
    await notifier.tell(reminder)
    await notifier.tell(task_told("progressed", version=2))
    await notifier.tell(moment_told("report_missing", version=2))
    assert len(await texts(collections, "deadline.receipt_overdue")) == 1
    assert len(await texts(collections, "deadline.report_missing")) == 1


@pytest.mark.parametrize(
    ("days_later", "said"),
    [(0, [", còn 03 ngày làm việc"]), (2, [", còn 01 ngày làm việc"]), (3, ["đến hạn ngày 10/12/2026. "]), (4, [])],
)
async def test_a_reminder_says_what_is_left_when_it_is_told(
    collections: Database, notifier: Notifier, clock: FakeClock, days_later: int, said: list[Any]
) -> None:
    clock.moment = REMINDED_AT + timedelta(days=days_later, hours=3)
    await notifier.tell(moment_told("due_soon", at=REMINDED_AT, rung=3))
    written = await texts(collections, "deadline.due_soon")
    assert [part in text for part, text in zip(said, written, strict=True)] == [True] * len(said)
