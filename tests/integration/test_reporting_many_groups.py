"""A summary of very many groups: whole, in order, and no hindrance to others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Final

import httpx2
import pytest

from services.reporting.rules.versions import NEWEST, version_of
from services.reporting.store import VERSIONS
from shared.mongo import Database as Collections
from tests.support.deadline_tasks import ASSIGNED_AT, a_task, event_of
from tests.support.loop import least_hold
from tests.support.messaging import wait_until
from tests.support.reporting import LEADER, collections_of, running, settings_for
from tests.support.servers import Database

_GROUPS: Final = 20_000
"""A fifth of the groups that the office may have: the old answer held the loop for a second at this number."""
_FIELDS: Final = ["Xây dựng", "đất đai", "Đầu tư", "Y tế", "a", "Z", "\U0001f600", "\uffee"]


@pytest.fixture
async def collections(database: Database) -> AsyncIterator[Collections]:
    async with collections_of(database) as made:
        yield made


@pytest.fixture
async def client(collections: Collections, database: Database, amqp_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(settings_for(database, amqp_url)) as client:

        async def is_ready() -> bool:
            return (await client.get("/health/ready")).status_code == httpx2.codes.OK

        await wait_until(is_ready, "reporting is ready")
        yield client


async def keep(collections: Collections, fields: list[str | None]) -> None:
    """Keep one version for each of these fields."""
    one = asdict(version_of(event_of(a_task("t"), at=ASSIGNED_AT)))
    records = [
        {**one, "_id": f"t-{at}:1", "task": f"t-{at}", "field": field, "until": NEWEST}
        for at, field in enumerate(fields)
    ]
    await collections[VERSIONS].insert_many(records)


async def summary_of_fields(client: httpx2.AsyncClient) -> httpx2.Response:
    answer = await client.get("/v1/summary", params={"group_by": "field"}, headers=LEADER)
    assert answer.status_code == httpx2.codes.OK, answer.text
    return answer


async def test_the_rows_stand_by_key_and_the_one_without_stands_last(
    client: httpx2.AsyncClient, collections: Collections
) -> None:
    await keep(collections, [None, *_FIELDS, "Y tế", None])
    answer = await summary_of_fields(client)
    shown: dict[str, Any] = answer.json()
    assert [(row["key"], row["total"]) for row in shown["items"]] == [
        *((field, 1 + (field == "Y tế")) for field in sorted(_FIELDS)),
        (None, 2),
    ]
    assert list(shown) == ["items", "total", "as_of", "from", "to", "group_by"]
    assert shown["total"]["total"] == len(_FIELDS) + 3
    assert answer.headers["content-length"] == str(len(answer.content))


async def test_nothing_to_count_is_an_answer_too(client: httpx2.AsyncClient) -> None:
    shown = (await summary_of_fields(client)).json()
    assert (shown["items"], shown["total"]["total"]) == ([], 0)


async def test_very_many_groups_hold_nobody_up(client: httpx2.AsyncClient, collections: Collections) -> None:
    await keep(collections, [None, *(f"Lĩnh vực {at:05}" for at in range(_GROUPS))])
    assert await least_hold(lambda: summary_of_fields(client)) < 0.05
    shown = (await summary_of_fields(client)).json()
    assert [row["key"] for row in shown["items"]] == [*(f"Lĩnh vực {at:05}" for at in range(_GROUPS)), None]
    assert shown["total"]["total"] == sum(row["total"] for row in shown["items"]) == _GROUPS + 1
