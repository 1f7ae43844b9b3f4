"""The whole service on real servers: events in, events out, and its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest
from prometheus_client import REGISTRY

from deploy.local.servers import Servers
from services.deadline.app import build
from services.deadline.settings import DeadlineSettings
from shared.events.codec import encode
from shared.events.task import Task
from shared.messaging.publisher import Publisher, make_message
from shared.messaging.topology import EXCHANGE, events_queue
from shared.mongo import connect
from shared.office.vocabulary import Role, Stage
from shared.settings import Mode
from tests.support.clock import FakeClock
from tests.support.deadline_tasks import ASSIGNED_AT, DUE_AT, a_task, event_of, without_deadline
from tests.support.loop import least_hold
from tests.support.messaging import messages_in, ready_in, wait_until
from tests.support.proxy import proxy_to
from tests.support.servers import Database, Vhost
from tests.support.tokens import TestKeys

KEYS = TestKeys()
AFTER_DUE = DUE_AT + timedelta(milliseconds=1)
LEADER = KEYS.headers_for("chu.tich", Role.LEADER)
HEAD = KEYS.headers_for("giam.doc", Role.HEAD, "so-tai-chinh")
OTHER_HEAD = KEYS.headers_for("giam.doc.khac", Role.HEAD, "so-xay-dung")


@dataclass
class DeadlineService:
    """The service, running, with a way to tell it of tasks and to ask it."""

    http: httpx2.AsyncClient
    clock: FakeClock
    database: Database
    amqp_url: str
    publisher: Publisher

    async def tell(self, *tasks: Task) -> None:
        for task in tasks:
            event = event_of(task)
            message = make_message(encode(event), event_id=event.id, event_type=event.type, headers={})
            await self.publisher.publish(message, event.type, exchange=EXCHANGE)

    async def knows(self, task_id: str) -> None:
        async def answers() -> bool:
            return (await self.http.get(f"/v1/deadlines/{task_id}", headers=LEADER)).status_code == httpx2.codes.OK

        await wait_until(answers, f"{task_id} is watched")


@asynccontextmanager
async def running(database: Database, amqp_url: str, clock: FakeClock) -> AsyncIterator[httpx2.AsyncClient]:
    settings = DeadlineSettings(
        mode=Mode.LOCAL,
        mongodb_uri=database.uri,
        mongodb_database=database.name,
        amqp_url=amqp_url,
        public_keys=KEYS.public_keys,
        poll_interval=0.02,
        quiet_seconds=0.1,
    )
    app = build(settings, clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://deadline") as http,
    ):
        yield http


async def is_wholly_up(http: httpx2.AsyncClient) -> bool:
    return bool((await http.get("/health/ready")).json()["status"] == "ready")


async def is_degraded(http: httpx2.AsyncClient) -> bool:
    return bool((await http.get("/health/ready")).json()["status"] == "degraded")


@pytest.fixture
async def service(database: Database, vhost: Vhost) -> AsyncIterator[DeadlineService]:
    clock = FakeClock(ASSIGNED_AT)
    publisher = Publisher(vhost.amqp_url, (1,), name="tests")
    async with running(database, vhost.amqp_url, clock) as http:

        async def is_ready() -> bool:
            return await is_wholly_up(http)

        await wait_until(is_ready, "the service is ready")
        await publisher.open()
        yield DeadlineService(http, clock, database, vhost.amqp_url, publisher)
        await publisher.close()


def paused_steps() -> float:
    return REGISTRY.get_sample_value("dondoc_deadline_monitor_steps_total", {"outcome": "paused"}) or 0.0


async def announced_to(amqp_url: str, service: str) -> list[dict[str, Any]]:
    events = [orjson.loads(message.body) for message in await messages_in(amqp_url, events_queue(service))]
    return [event for event in events if event["type"].startswith("deadline.")]


async def test_a_missed_deadline_reaches_those_who_are_sent_it(service: DeadlineService) -> None:
    await service.tell(a_task("t-1", stage=Stage.RECEIVED), a_task("t-2", stage=Stage.RECALLED))
    await service.knows("t-1")
    await service.knows("t-2")
    service.clock.moment = AFTER_DUE

    async def arrived() -> bool:
        return await ready_in(service.amqp_url, "assignment.events") > 0

    await wait_until(arrived, "assignment is told")
    [event] = await announced_to(service.amqp_url, "assignment")
    assert (event["type"], event["subject"]) == ("deadline.missed.v1", "t-1")
    assert event["data"]["due_at"] == "2026-12-18T16:59:59.999Z"


async def test_a_broker_that_is_away_delays_and_loses_nothing(
    servers: Servers, database: Database, vhost: Vhost
) -> None:
    clock = FakeClock(ASSIGNED_AT)
    client = connect(database.uri, "tests")
    watches = client[database.name]["watches"]
    publisher = Publisher(vhost.amqp_url, (1,), name="tests")
    async with proxy_to(servers.rabbitmq.amqp_port) as proxy:
        by_proxy = vhost.amqp_url.replace(f":{proxy.target_port}/", f":{proxy.port}/")
        async with running(database, by_proxy, clock) as http:
            await wait_until(lambda: is_wholly_up(http), "the service is ready")
            await publisher.open()
            service = DeadlineService(http, clock, database, vhost.amqp_url, publisher)
            await service.tell(*[a_task(f"t-{number}", stage=Stage.RECEIVED) for number in range(20)])
            for number in range(20):
                await service.knows(f"t-{number}")

            await proxy.cut()
            clock.moment = AFTER_DUE

            async def all_arrived() -> bool:
                return await ready_in(vhost.amqp_url, "assignment.events") >= 20

            before = paused_steps()
            await wait_until(lambda: paused_steps() > before, "the twenty moments are left for later")
            await wait_until(lambda: is_degraded(http), "the service says that the broker is away")
            assert await watches.count_documents({"pending_since": {"$exists": True}}) == 0
            await proxy.restore()
            await wait_until(all_arrived, "assignment is told of all twenty")
        events = await announced_to(vhost.amqp_url, "assignment")
        assert {event["subject"] for event in events} == {f"t-{number}" for number in range(20)}
    await publisher.close()
    client.close()


async def test_a_deadline_is_shown_with_the_count_that_proves_it(service: DeadlineService) -> None:
    await service.tell(a_task("t-1", version=3, stage=Stage.RECEIVED))
    await service.knows("t-1")
    answer = (await service.http.get("/v1/deadlines/t-1", headers=HEAD)).json()
    days = answer.pop("days")
    assert answer == {
        "task_id": "t-1",
        "sequence": 3,
        "deadline": "2026-12-18",
        "due_kind": "date",
        "due_at": "2026-12-18T16:59:59.999Z",
        "timeliness": "on_track",
        "next_moment": "2026-12-15T00:00:00.000Z",
    }
    assert days[0] == {"date": "2026-12-07", "counted": False, "reason": "ngày bắt đầu, không tính"}
    assert days[5] == {"date": "2026-12-12", "counted": False, "reason": "thứ Bảy"}
    assert days[-1] == {"date": "2026-12-18", "counted": True, "reason": "ngày làm việc"}
    assert sum(day["counted"] for day in days) == 9


async def test_timeliness_is_of_the_moment_and_nothing_is_awaited_once_missed(service: DeadlineService) -> None:
    await service.tell(a_task("t-1", stage=Stage.RECEIVED))
    await service.knows("t-1")
    service.clock.moment = AFTER_DUE

    async def is_settled() -> bool:
        answer = (await service.http.get("/v1/deadlines/t-1", headers=LEADER)).json()
        assert answer["timeliness"] == "overdue"
        return answer["next_moment"] is None

    await wait_until(is_settled, "the miss is dealt with")


async def test_a_task_without_a_deadline_has_no_days(service: DeadlineService) -> None:
    await service.tell(without_deadline("t-1", stage=Stage.RECEIVED))
    await service.knows("t-1")
    answer = (await service.http.get("/v1/deadlines/t-1", headers=LEADER)).json()
    assert answer["timeliness"] == "no_deadline"
    assert answer["deadline"] is answer["due_at"] is answer["next_moment"] is None
    assert answer["days"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (LEADER, 200),
        (HEAD, 200),
        (KEYS.headers_for("phoi.hop", Role.CLERK, "so-noi-vu"), 200),
        (KEYS.headers_for("theo.doi", Role.HEAD, "thanh-tra"), 200),
        (KEYS.headers_for("chuyen.vien", Role.OFFICER, "so-tai-chinh"), 200),
        (KEYS.headers_for("kiem.tra", Role.AUDITOR), 200),
        (KEYS.headers_for("phan.mem", Role.SERVICE, "so-tai-chinh", ["tasks:read"]), 200),
        (KEYS.headers_for("phan.mem", Role.SERVICE, "so-tai-chinh", ["tasks:act"]), 403),
        (OTHER_HEAD, 404),
        (KEYS.headers_for("chuyen.vien.khac", Role.OFFICER, "so-tai-chinh"), 404),
        (KEYS.headers_for("quan.tri", Role.ADMINISTRATOR), 404),
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
    ],
)
async def test_a_deadline_is_seen_as_the_task_is(
    service: DeadlineService, headers: dict[str, str], status: int
) -> None:
    parts = {"coordinating_agencies": ("so-noi-vu",), "monitor": "thanh-tra", "officer": "chuyen.vien"}
    await service.tell(a_task("t-1", stage=Stage.IN_PROGRESS, **parts))
    await service.knows("t-1")
    assert (await service.http.get("/v1/deadlines/t-1", headers=headers)).status_code == status


async def test_an_unknown_task_is_not_found(service: DeadlineService) -> None:
    for task_id in ("unknown", "%00", "%7B%22$gt%22:%22%22%7D", "a" * 2_000):
        answer = await service.http.get(f"/v1/deadlines/{task_id}", headers=LEADER)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_the_deadline_of_a_distant_year_is_shown_by_months_and_holds_nobody_up(service: DeadlineService) -> None:
    await service.tell(a_task("t-1", due_at=datetime(2100, 12, 31, 16, 59, 59, 999_000, UTC)))
    await service.knows("t-1")

    async def read() -> httpx2.Response:
        return await service.http.get("/v1/deadlines/t-1", headers=LEADER)

    assert await least_hold(read) < 0.05
    shown = (await read()).json()
    assert (len(shown["days"]), shown["months"][-1]["month"]) == (1_000, "2100-12")
    assert shown["months"][1].keys() == {"month", "working_days", "days_off"}


async def test_a_long_term_holds_nobody_up(service: DeadlineService) -> None:
    params = {"from": "2026-11-20", "working_days": "1000"}
    assert await least_hold(lambda: service.http.get("/v1/terms", params=params, headers=HEAD)) < 0.05


async def test_a_term_is_counted_day_by_day(service: DeadlineService) -> None:
    answer = await service.http.get("/v1/terms", params={"from": "2026-11-20", "working_days": 2}, headers=HEAD)
    assert answer.json() == {
        "from": "2026-11-20",
        "working_days": 2,
        "due": "2026-11-25",
        "days": [
            {"date": "2026-11-20", "counted": False, "reason": "ngày bắt đầu, không tính"},
            {"date": "2026-11-21", "counted": False, "reason": "thứ Bảy"},
            {"date": "2026-11-22", "counted": False, "reason": "Chủ nhật"},
            {"date": "2026-11-23", "counted": True, "reason": "ngày làm việc"},
            {"date": "2026-11-24", "counted": False, "reason": "Ngày Văn hóa Việt Nam"},
            {"date": "2026-11-25", "counted": True, "reason": "ngày làm việc"},
        ],
    }


@pytest.mark.parametrize(
    ("start", "working_days", "field"),
    [
        ("2026-02-30", "1", "from"),
        ("1999-12-31", "1", "from"),
        ("2026-1-1", "1", "from"),
        ("20261120", "1", "from"),
        ("", "1", "from"),
        ("2026-11-20", "-1", "working_days"),
        ("2026-11-20", "1001", "working_days"),
        ("2026-11-20", "1.5", "working_days"),
        ("2026-11-20", "ba", "working_days"),
        ("2026-11-20", "9" * 5_000, "working_days"),
    ],
)
async def test_a_term_that_makes_no_sense_is_refused(
    service: DeadlineService, start: str, working_days: str, field: str
) -> None:
    params = {"from": start, "working_days": working_days}
    answer = await service.http.get("/v1/terms", params=params, headers=HEAD)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_term_asks_for_both_its_parts_and_for_a_caller(service: DeadlineService) -> None:
    answer = await service.http.get("/v1/terms", headers=HEAD)
    assert {error["field"] for error in answer.json()["errors"]} == {"from", "working_days"}
    assert (await service.http.get("/v1/terms", params={"from": "2026-11-20", "working_days": 1})).status_code == 401


async def test_terms_reach_beyond_the_last_year_that_can_be_asked(service: DeadlineService) -> None:
    params = {"from": "2100-12-31", "working_days": "1000"}
    answer = await service.http.get("/v1/terms", params=params, headers=HEAD)
    assert answer.json()["due"] == "2104-10-31"


async def test_the_service_shows_its_figures_and_describes_itself(service: DeadlineService) -> None:
    figures = (await service.http.get("/metrics")).text
    assert "dondoc_deadline_monitor_steps_total" in figures
    assert 'dondoc_outbox_pending{collection="watches",service="deadline"}' in figures
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    assert {"/v1/deadlines/{task_id}", "/v1/terms"} <= set(paths)
    assert (await service.http.get("/health/live")).status_code == 200
    operations = (await service.http.get("/asyncapi")).json()["operations"]
    assert {"send deadline.missed.v1", "receive task.assigned.v1"} <= set(operations)
    assert "receive deadline.missed.v1" not in operations
