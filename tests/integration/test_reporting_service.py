"""reporting as its users meet it: events through the broker, questions over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aio_pika
import httpx2
import pytest

from services.reporting import metrics
from shared.events.codec import encode
from shared.events.directory import AccountChanged
from shared.events.envelope import CONTENT_TYPE, Event, rfc3339
from shared.events.names import ACCOUNT_CHANGED
from shared.messaging.topology import EXCHANGE
from shared.office.vocabulary import Role, Scope, Stage
from tests.support.deadline_tasks import a_task, event_of
from tests.support.messaging import agency_event, wait_until
from tests.support.reporting import KEYS, LEADER, running, set_clock, settings_for
from tests.support.reporting_histories import NOW
from tests.support.servers import Database

HEAD = KEYS.headers_for("giam.doc", Role.HEAD, "so-1")
READING_PROGRAM = KEYS.headers_for("phan.mem", Role.SERVICE, "so-1", [Scope.TASKS_READ])


@pytest.fixture
async def client(database: Database, amqp_url: str, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    clock_file = tmp_path / "clock"
    set_clock(clock_file, NOW)
    async with running(settings_for(database, amqp_url, clock_file)) as client:
        await wait_until(lambda: is_ready(client), "reporting is ready")
        yield client


async def is_ready(client: httpx2.AsyncClient) -> bool:
    response = await client.get("/health/ready")
    return bool(response.json()["parts"] == {"mongodb": "up", "rabbitmq": "up"})


async def publish(amqp_url: str, *events: Event[Any]) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE)
        for event in events:
            message = aio_pika.Message(encode(event), content_type=CONTENT_TYPE, message_id=event.id, type=event.type)
            await exchange.publish(message, event.type)


def account_event(username: str, display_name: str) -> Event[AccountChanged]:
    account = AccountChanged(username=username, display_name=display_name, role=Role.LEADER)
    return Event[AccountChanged](
        id=f"{username}:1",
        source="/assignment",
        type=ACCOUNT_CHANGED,
        subject=username,
        time=NOW,
        sequence="1",
        data=account,
    )


async def summary(client: httpx2.AsyncClient, headers: dict[str, str] = LEADER, **query: str) -> dict[str, Any]:
    response = await client.get("/v1/summary", params=query, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def tell(client: httpx2.AsyncClient, amqp_url: str, *events: Event[Any]) -> None:
    """Publish events of tasks and wait until the last of them counts; each task's versions in turn."""
    before = (await summary(client))["total"]["total"]
    await publish(amqp_url, *events)
    tasks = len({event.subject for event in events})

    async def counted() -> bool:
        return bool((await summary(client))["total"]["total"] == before + tasks)

    await wait_until(counted, "the events are counted")


def of_two_agencies() -> list[Event[Any]]:
    return [
        event_of(a_task("t-1", lead_agency="so-1", coordinating_agencies=("so-2",)), at=NOW - timedelta(days=2)),
        event_of(a_task("t-2", lead_agency="so-2", coordinating_agencies=("so-1",)), at=NOW - timedelta(days=1)),
    ]


async def test_events_are_counted_and_codes_are_named(client: httpx2.AsyncClient, amqp_url: str) -> None:
    await publish(amqp_url, agency_event(1), account_event("chu.tich", "Trần Thị B"))

    async def named() -> bool:
        by_agency, by_assigner = await summary(client), await summary(client, group_by="assigner")
        return [row["name"] for row in (*by_agency["items"], *by_assigner["items"])] == [
            "Sở thứ 1",
            "so-2",
            "Trần Thị B",
        ]

    await tell(client, amqp_url, *of_two_agencies())
    await wait_until(named, "the names are known")


async def test_the_answer_says_what_was_asked(client: httpx2.AsyncClient, amqp_url: str) -> None:
    await tell(client, amqp_url, *of_two_agencies())
    as_of = rfc3339(NOW - timedelta(days=1, milliseconds=1))
    answer = await summary(client, LEADER, group_by="month", **{"from": "2026-12-01", "to": "", "as_of": as_of})
    assert {name: answer[name] for name in ("as_of", "from", "to", "group_by")} == {
        "as_of": as_of,
        "from": "2026-12-01",
        "to": None,
        "group_by": "month",
    }
    assert [(row["key"], row["total"]) for row in answer["items"]] == [("2026-12", 1)]
    assert answer["total"]["key"] is None


async def test_the_moment_of_an_answer_asked_again_gives_the_same(client: httpx2.AsyncClient, amqp_url: str) -> None:
    await tell(client, amqp_url, *of_two_agencies())
    now = await summary(client)
    assert await summary(client, as_of=now["as_of"]) == now
    later = a_task("t-1", version=2, lead_agency="so-1", stage=Stage.RECALLED)
    await publish(amqp_url, event_of(later, "recalled", at=NOW + timedelta(hours=1)))

    async def recalled() -> bool:
        return bool((await summary(client))["total"]["recalled"] == 1)

    await wait_until(recalled, "the recall is counted")
    assert await summary(client, as_of=now["as_of"]) == now


@pytest.mark.parametrize("group_by", ["agency", "assigner", "document", "field", "month"])
@pytest.mark.parametrize("headers", [HEAD, KEYS.headers_for("van.thu", Role.CLERK, "so-1"), READING_PROGRAM])
async def test_an_agency_counts_only_what_it_leads(
    client: httpx2.AsyncClient, amqp_url: str, headers: dict[str, str], group_by: str
) -> None:
    await tell(client, amqp_url, *of_two_agencies())
    answer = await summary(client, headers, group_by=group_by)
    assert answer["total"]["total"] == 1
    before_it_led = rfc3339(NOW - timedelta(days=3))
    assert (await summary(client, headers, group_by=group_by, as_of=before_it_led))["items"] == []


@pytest.mark.parametrize("role", [Role.LEADER, Role.COORDINATOR, Role.AUDITOR])
async def test_the_committee_and_its_auditors_count_every_task(
    client: httpx2.AsyncClient, amqp_url: str, role: Role
) -> None:
    await tell(client, amqp_url, *of_two_agencies())
    assert (await summary(client, KEYS.headers_for("ai.do", role)))["total"]["total"] == 2


@pytest.mark.parametrize(
    "headers",
    [
        KEYS.headers_for("chuyen.vien", Role.OFFICER, "so-1"),
        KEYS.headers_for("quan.tri", Role.ADMINISTRATOR),
        KEYS.headers_for("phan.mem", Role.SERVICE, "so-1", [Scope.TASKS_ACT]),
        KEYS.headers_for("giam.doc", Role.HEAD),
    ],
    ids=["officer", "administrator", "program that may not read", "head of no agency"],
)
async def test_who_has_no_summary_is_refused(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    response = await client.get("/v1/summary", headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "not-permitted")


async def test_nobody_counts_without_a_token(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/summary?group_by=nothing")
    assert (response.status_code, response.json()["code"]) == (401, "not-authenticated")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"group_by": "$lead_agency"}, "group_by"),
        ({"period_by": "recalled"}, "period_by"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "1/12/2026"}, "to"),
        ({"from": "2026-12-02", "to": "2026-12-01"}, "to"),
        ({"as_of": "2026-12-01"}, "as_of"),
        ({"as_of": rfc3339(NOW + timedelta(hours=1))}, "as_of"),
        ({"lead_agency": "so-2"}, "lead_agency"),
        ({"from[$gt]": ""}, "_"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, query: dict[str, str], field: str
) -> None:
    response = await client.get("/v1/summary", params=query, headers=LEADER)
    assert (response.status_code, response.json()["code"]) == (422, "validation")
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_the_offices_figures_are_shown_to_prometheus(client: httpx2.AsyncClient, amqp_url: str) -> None:
    await tell(client, amqp_url, *of_two_agencies())
    page = (await client.get("/metrics")).text
    assert 'dondoc_tasks{timeliness="overdue"} 2.0' in page
    for state, number in {
        "open": 1,
        "overdue": 1,
        "not_received": 1,
        "finished_unreported": 0,
        "explanations_due": 0,
    }.items():
        assert f'dondoc_tasks_by_agency{{agency="so-1",state="{state}"}} {number}.0' in page


async def test_metrics_are_shown_when_the_database_is_away(database: Database, tmp_path: Path) -> None:
    away = settings_for(Database(database.name, "mongodb://127.0.0.1:9/x"), "amqp://127.0.0.1:9")
    metrics._clear()  # other services of this process have counted
    async with running(away) as client:
        response = await client.get("/metrics")
        assert response.status_code == 200
        assert "dondoc_tasks{" not in response.text
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/v1/summary", headers=LEADER)).status_code == 503


async def test_the_page_of_the_api_names_what_may_be_asked(client: httpx2.AsyncClient) -> None:
    operation = (await client.get("/openapi.json")).json()["paths"]["/v1/summary"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == [
        "group_by",
        "from",
        "to",
        "period_by",
        "as_of",
    ]


async def test_its_messages_are_described(client: httpx2.AsyncClient) -> None:
    operations = (await client.get("/asyncapi")).json()["operations"]
    assert {"receive task.assigned.v1", "receive agency.changed.v1", "receive account.changed.v1"} <= set(operations)
    assert not any(name.startswith("send") for name in operations)
