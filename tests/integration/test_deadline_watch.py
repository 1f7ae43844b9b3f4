"""The watch on a real database: claims, catching up, order of events, and the index behind it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from services.deadline.handlers import Observer
from services.deadline.monitor import Monitor
from services.deadline.rules.watch import deal_with
from services.deadline.store import INDEXES, Claim, StoredWatch, WatchStore
from shared.background import Background
from shared.events.task import Explanation, Task
from shared.mongo import connect, ensure_indexes
from shared.office.vocabulary import ExplanationState, Stage
from tests.support.clock import FakeClock
from tests.support.deadline_tasks import (
    ASSIGNED_AT,
    CALENDAR,
    DUE_AT,
    RECEIPT_DUE_AT,
    a_task,
    always,
    event_of,
    local,
    submitted,
)
from tests.support.messaging import wait_until
from tests.support.proxy import proxy_to
from tests.support.servers import Database as OwnDatabase

MILLISECOND = timedelta(milliseconds=1)
AFTER_DUE = DUE_AT + MILLISECOND
REMINDED_AT = local(date(2026, 12, 15), 7)


@pytest.fixture
async def store(database: OwnDatabase) -> AsyncIterator[WatchStore]:
    client = connect(database.uri, "tests")
    store = WatchStore(client[database.name])
    await ensure_indexes(client[database.name], INDEXES)
    yield store
    client.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ASSIGNED_AT)


@pytest.fixture
def observer(store: WatchStore) -> Observer:
    return Observer(store, CALENDAR)


def monitor_of(store: WatchStore, clock: FakeClock, woken: list[str] | None = None, batch: int = 100) -> Monitor:
    def wake(task_ids: Iterable[str]) -> None:
        if woken is not None:
            woken.extend(task_ids)

    return Monitor(store, clock, CALENDAR, wake, always, poll_interval=0.01, batch=batch)


async def watch(observer: Observer, *tasks: Task) -> None:
    for task in tasks:
        await observer.take_in(event_of(task))


async def finish(monitor: Monitor) -> None:
    while await monitor.step():
        pass


async def events_in(store: WatchStore) -> list[dict[str, Any]]:
    """Return every event in every outbox, as the relay would send it."""
    documents = [document async for document in store.collection.find()]
    return [orjson.loads(entry["body"]) for document in documents for entry in document["outbox"]]


async def kinds_of(store: WatchStore) -> list[str]:
    return [event["type"] for event in await events_in(store)]


async def found(store: WatchStore, task_id: str = "t-1") -> StoredWatch:
    document = await store.find(task_id)
    assert document is not None
    return document


def announced(kind: str) -> float:
    return REGISTRY.get_sample_value("dondoc_deadline_announced_total", {"kind": f"deadline.{kind}"}) or 0.0


def steps(outcome: str) -> float:
    return REGISTRY.get_sample_value("dondoc_deadline_monitor_steps_total", {"outcome": outcome}) or 0.0


async def test_three_monitors_at_once_announce_each_moment_once(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    count = 120
    await watch(observer, *[a_task(f"t-{number}", stage=Stage.RECEIVED) for number in range(count)])
    clock.moment = AFTER_DUE
    woken: list[str] = []
    before = announced("missed")
    await asyncio.gather(*(finish(monitor_of(store, clock, woken, batch=10)) for _ in range(3)))
    events = await events_in(store)
    assert sorted(event["subject"] for event in events) == sorted(f"t-{number}" for number in range(count))
    assert {event["type"] for event in events} == {"deadline.missed.v1"}
    assert sorted(woken) == sorted(event["subject"] for event in events)
    assert announced("missed") - before == count


async def test_nothing_is_announced_early_and_the_next_step_is_at_once(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task(stage=Stage.IN_PROGRESS))
    monitor = monitor_of(store, clock)
    clock.moment = DUE_AT
    await finish(monitor)
    assert await kinds_of(store) == ["deadline.due_today.v1"]
    assert not await monitor.step()
    clock.moment = AFTER_DUE
    assert await monitor.step()
    assert await kinds_of(store) == ["deadline.due_today.v1", "deadline.missed.v1"]


async def test_every_moment_of_a_neglected_task_is_announced_in_turn(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task())
    monitor = monitor_of(store, clock)
    for day in range(7, 21):
        clock.moment = local(date(2026, 12, day))
        await finish(monitor)
    told = [(event["type"], event["data"]["rung"], event["data"]["moment"]) for event in await events_in(store)]
    assert told == [
        ("deadline.receipt_overdue.v1", 0, "2026-12-08T16:59:59.999Z"),
        ("deadline.due_soon.v1", 3, "2026-12-15T00:00:00.000Z"),
        ("deadline.due_soon.v1", 1, "2026-12-17T00:00:00.000Z"),
        ("deadline.due_today.v1", 0, "2026-12-18T00:00:00.000Z"),
        ("deadline.missed.v1", 0, "2026-12-18T16:59:59.999Z"),
    ]


async def test_an_event_carries_a_brief_of_the_task_and_an_id_made_of_what_it_tells(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task(stage=Stage.RECEIVED, version=4, officer="chuyen.vien.a", monitor="so-noi-vu"))
    clock.moment = AFTER_DUE
    await finish(monitor_of(store, clock))
    [event] = await events_in(store)
    assert event["id"] == "t-1:missed:2026-12-18T16:59:59.999Z:0"
    assert (event["source"], event["subject"], event["sequence"]) == ("/deadline", "t-1", "4")
    assert event["time"] == "2026-12-18T17:00:00.000Z"
    assert event["data"]["lead_agency"] == "so-tai-chinh"
    assert event["data"]["officer"] == "chuyen.vien.a"
    assert event["data"]["monitor"] == "so-noi-vu"
    assert event["data"]["due_at"] == event["data"]["moment"] == "2026-12-18T16:59:59.999Z"


async def test_after_an_outage_what_is_still_true_is_told_once(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task("late"), a_task("soon", stage=Stage.RECEIVED))
    clock.moment = local(date(2026, 12, 17))
    await finish(monitor_of(store, clock))
    await finish(monitor_of(store, clock))
    told = sorted((event["subject"], event["type"], event["data"]["rung"]) for event in await events_in(store))
    assert told == [
        ("late", "deadline.due_soon.v1", 1),
        ("late", "deadline.receipt_overdue.v1", 0),
        ("soon", "deadline.due_soon.v1", 1),
    ]


async def test_after_an_outage_over_the_deadline_the_miss_is_told_and_no_stale_reminder(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task(stage=Stage.IN_PROGRESS))
    clock.moment = DUE_AT + timedelta(days=30)
    await finish(monitor_of(store, clock))
    assert await kinds_of(store) == ["deadline.missed.v1"]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
async def test_whatever_the_order_of_events_the_latest_state_is_watched(
    store: WatchStore, observer: Observer, clock: FakeClock, order: tuple[int, ...]
) -> None:
    states = {
        1: a_task(version=1),
        2: a_task(version=2, stage=Stage.RECEIVED),
        3: a_task(version=3, stage=Stage.REPORTED, report=submitted(ASSIGNED_AT)),
    }
    await watch(observer, *[states[version] for version in order])
    assert (await found(store)).watch().task == states[3]
    clock.moment = AFTER_DUE
    await finish(monitor_of(store, clock))
    assert await events_in(store) == []


async def test_events_taken_in_at_once_leave_the_latest_state(store: WatchStore, observer: Observer) -> None:
    events = [event_of(a_task(version=version, title=f"lần {version}")) for version in range(1, 13)]
    await asyncio.gather(*map(observer.take_in, events), *map(observer.take_in, events))
    assert (await found(store)).watch().task.title == "lần 12"


async def test_a_change_of_the_task_beats_a_claim_made_on_its_old_state(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task(stage=Stage.RECEIVED))
    seen = await found(store)
    after, _ = deal_with(seen.watch(), CALENDAR, AFTER_DUE)
    await watch(observer, a_task(version=2, stage=Stage.RECALLED))
    assert await store.claim([Claim(seen, after, None, [])]) == set()
    clock.moment = AFTER_DUE
    assert not await monitor_of(store, clock).step()


async def test_taking_in_a_state_never_brings_back_what_was_announced(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task())
    clock.moment = RECEIPT_DUE_AT + MILLISECOND
    monitor = monitor_of(store, clock)
    await finish(monitor)
    await watch(observer, a_task(version=2, urgings=1))
    await finish(monitor)
    assert await kinds_of(store) == ["deadline.receipt_overdue.v1"]


async def test_a_task_that_owes_nothing_waits_for_nothing(store: WatchStore, observer: Observer) -> None:
    await watch(observer, a_task("t-1"), a_task("t-1", version=2, stage=Stage.RECALLED))
    assert (await found(store)).next_moment is None


async def test_an_explanation_is_overdue_even_of_a_reported_task(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    owed = CALENDAR.end_of_day(date(2026, 12, 23))
    explanation = Explanation(state=ExplanationState.REQUIRED, required_at=DUE_AT, due_at=owed)
    await watch(observer, a_task(stage=Stage.REPORTED, report=submitted(DUE_AT - MILLISECOND), explanation=explanation))
    clock.moment = owed + MILLISECOND
    await finish(monitor_of(store, clock))
    assert await kinds_of(store) == ["deadline.explanation_overdue.v1"]


async def test_a_document_nobody_can_read_waits_an_hour_and_stops_no_other(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task("good", stage=Stage.RECEIVED), a_task("bad", stage=Stage.RECEIVED))
    await store.collection.update_one({"_id": "bad"}, {"$set": {"task": {"id": "bad"}}})
    clock.moment = AFTER_DUE
    with capture_logs() as logs:
        await finish(monitor_of(store, clock))
    assert [event["subject"] for event in await events_in(store)] == ["good"]
    assert (await found(store, "bad")).next_moment == AFTER_DUE + timedelta(hours=1)
    assert [line["task_id"] for line in logs if line["event"] == "watch_pushed_back"] == ["bad"]


async def test_a_clock_that_jumps_a_quarter_is_followed_at_once(
    store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task(stage=Stage.IN_PROGRESS))
    monitor = monitor_of(store, clock)
    assert not await monitor.step()
    clock.moment = ASSIGNED_AT + timedelta(days=90)
    assert await monitor.step()
    assert await kinds_of(store) == ["deadline.missed.v1"]


async def test_a_database_that_was_away_delays_and_loses_nothing(
    servers: Servers, database: OwnDatabase, store: WatchStore, observer: Observer, clock: FakeClock
) -> None:
    await watch(observer, a_task(stage=Stage.IN_PROGRESS))
    async with proxy_to(servers.mongod.port) as proxy:
        client = connect(proxy.address_of(database.uri), "tests", timeout=0.2)
        async with Background("deadline") as background:
            idle, failed = steps("idle"), steps("failed")
            background.start("monitor", monitor_of(WatchStore(client[database.name]), clock).run)
            await wait_until(lambda: steps("idle") > idle, "the monitor looks")
            await proxy.cut()
            clock.moment = AFTER_DUE
            await wait_until(lambda: steps("failed") > failed, "the monitor meets no database")
            await proxy.restore()

            async def is_told() -> bool:
                return await kinds_of(store) == ["deadline.missed.v1"]

            await wait_until(is_told, "the miss is told after all")
        client.close()


async def test_claims_and_look_ups_use_an_index(store: WatchStore, observer: Observer) -> None:
    await watch(observer, *[a_task(f"t-{number}") for number in range(5)])
    some = await found(store)
    database = store.collection.database
    commands: list[dict[str, Any]] = [
        {"find": "watches", "filter": {"next_moment": {"$lt": REMINDED_AT}}, "sort": {"next_moment": 1}, "limit": 9},
        {"find": "watches", "filter": {"_id": "t-1"}},
        {"update": "watches", "updates": [{"q": some.guard(), "u": {"$push": {"writes": "x"}}}]},
        {"distinct": "watches", "key": "writes", "query": {"_id": {"$in": ["t-1", "t-2"]}, "writes": {"$in": ["x"]}}},
    ]
    for command in commands:
        plan = orjson.dumps((await database.command({"explain": command}))["queryPlanner"]["winningPlan"], default=str)
        assert b"COLLSCAN" not in plan
        assert b'"stage":"SORT"' not in plan
        assert b"IXSCAN" in plan or b"IDHACK" in plan
