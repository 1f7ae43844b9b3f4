"""Versions of tasks come in any order, more than once and at the same time, and end in the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reporting.handlers import Recorder
from services.reporting.rules.versions import NEWEST
from services.reporting.store import VERSIONS, Named, Names, Versions
from shared.events.envelope import Event
from shared.events.task import TaskChanged
from shared.mongo import Collection
from shared.mongo import Database as Collections
from tests.support.deadline_tasks import a_task, event_of
from tests.support.messaging import agency_event
from tests.support.reporting import collections_of
from tests.support.reporting_histories import NOW, histories
from tests.support.servers import Database


@pytest.fixture
async def collections(database: Database) -> AsyncIterator[Collections]:
    async with collections_of(database) as made:
        yield made


@pytest.fixture
def records(collections: Collections) -> Recorder:
    return Recorder(Versions(collections), Names(collections))


def versions_at(*hours: int) -> list[Event[TaskChanged]]:
    return [event_of(a_task(version=n), at=NOW + timedelta(hours=hour)) for n, hour in enumerate(hours, start=1)]


def lifetimes_of(events: list[Event[TaskChanged]]) -> dict[str, tuple[Any, Any]]:
    """From when to when each version holds: until the earliest of those after it was recorded."""
    return {
        event.id: (
            event.time,
            min(
                (
                    other.time
                    for other in events
                    if other.subject == event.subject and int(other.sequence) > int(event.sequence)
                ),
                default=NEWEST,
            ),
        )
        for event in events
    }


async def lifetimes_in(versions: Collection) -> dict[str, tuple[Any, Any]]:
    return {row["_id"]: (row["at"], row["until"]) async for row in versions.find()}


async def test_a_version_holds_until_the_next(collections: Collections, records: Recorder) -> None:
    for event in versions_at(0, 1, 5):
        await records.record_task(event)
    assert await lifetimes_in(collections[VERSIONS]) == {
        "t-1:1": (NOW, NOW + timedelta(hours=1)),
        "t-1:2": (NOW + timedelta(hours=1), NOW + timedelta(hours=5)),
        "t-1:3": (NOW + timedelta(hours=5), NEWEST),
    }


@pytest.mark.parametrize("hours", [(0, 1, 5, 9), (0, 0, 5, 5), (0, 7, 5, 9)], ids=["in turn", "twins", "skewed clocks"])
async def test_every_order_ends_in_the_same_rows(
    collections: Collections, records: Recorder, hours: tuple[int, ...]
) -> None:
    events = versions_at(*hours)
    for order in permutations(events):
        await collections[VERSIONS].delete_many({})
        for event in order:
            await records.record_task(event)
        assert await lifetimes_in(collections[VERSIONS]) == lifetimes_of(events)


async def test_versions_recorded_at_the_same_time_find_each_other(collections: Collections, records: Recorder) -> None:
    for _ in range(20):
        await collections[VERSIONS].delete_many({})
        events = versions_at(*range(12))
        await asyncio.gather(*map(records.record_task, [*events, *reversed(events)]))
        assert await lifetimes_in(collections[VERSIONS]) == lifetimes_of(events)


async def test_a_crash_between_the_two_steps_is_mended_by_redelivery(
    collections: Collections, records: Recorder
) -> None:
    first, second = versions_at(0, 1)
    await records.record_task(first)
    await records.record_task(second)
    # What stands when the consumer of the first was killed right after it inserted it.
    await collections[VERSIONS].update_one({"_id": first.id}, {"$set": {"until": NEWEST}})
    await records.record_task(first)
    assert await lifetimes_in(collections[VERSIONS]) == lifetimes_of([first, second])


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_history_in_any_order_at_once_ends_in_the_same_rows(
    collections: Collections, records: Recorder, data: st.DataObject
) -> None:
    events = data.draw(histories(most_tasks=3))
    await collections[VERSIONS].delete_many({})
    await asyncio.gather(*map(records.record_task, data.draw(st.permutations([*events, *events]))))
    assert await lifetimes_in(collections[VERSIONS]) == lifetimes_of(events)


async def test_the_newest_name_is_kept_in_any_order(collections: Collections, records: Recorder) -> None:
    named = [
        agency_event(1, sequence=str(n), data=agency_event(1).data.model_copy(update={"name": f"$tên {n}"}))
        for n in (1, 2, 10)
    ]
    for order in permutations(named):
        await collections["names"].delete_many({})
        await asyncio.gather(*map(records.record_agency, [*order, *order]))
        assert await Names(collections).of(Named.AGENCY, ["so-1", "so-2"]) == {"so-1": "$tên 10"}


async def test_an_agency_and_an_account_may_share_a_code(collections: Collections) -> None:
    names = Names(collections)
    await names.keep_newest(Named.AGENCY, "so-1", "Sở thứ nhất", 1)
    await names.keep_newest(Named.ACCOUNT, "so-1", "Nguyễn Văn A", 1)
    assert await names.of(Named.AGENCY, ["so-1"]) == {"so-1": "Sở thứ nhất"}
    assert await names.of(Named.ACCOUNT, ["so-1"]) == {"so-1": "Nguyễn Văn A"}
