"""Services killed, and servers away for a moment: everything comes back by itself, and nobody misses anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from deploy.local.services import ServiceProcesses
from tests.support.messaging import wait_until
from tests.support.province import Province, expect
from tests.support.proxy import TcpProxy, proxy_to

CONSUMERS = ("deadline", "notification", "reporting")
TASK = {"title": "Báo cáo tình hình thiên tai", "lead_agency": "stc", "deadline": "2026-10-16"}


@pytest.fixture(scope="module")
async def broker(services: ServiceProcesses) -> AsyncIterator[TcpProxy]:
    async with proxy_to(services.servers.rabbitmq.amqp_port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def mongodb(services: ServiceProcesses) -> AsyncIterator[TcpProxy]:
    async with proxy_to(services.servers.mongod.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def cuttable(
    province: Province, settings: dict[str, str], broker: TcpProxy, mongodb: TcpProxy
) -> AsyncIterator[Province]:
    """The province with an assignment that reaches both servers by way of the proxies."""
    stack = province.stack
    settings["ASSIGNMENT_AMQP_URL"] = broker.address_of(stack.amqp_url)
    settings["ASSIGNMENT_MONGODB_URI"] = mongodb.address_of(stack.database_uris["assignment"])
    await stack.stop("assignment")
    await stack.start("assignment")
    yield province
    await stack.stop("assignment")


async def assign(province: Province, **changes: Any) -> str:
    answer = await province.as_("chair").post("/v1/tasks", TASK | changes)
    return str(expect(201, answer)["id"])


async def kinds_told(province: Province, username: str, task_id: str) -> Counter[str]:
    inbox = await province.as_(username).inbox(task_id=task_id)
    return Counter(entry["kind"] for entry in inbox["items"])


async def readiness(province: Province) -> tuple[int, str, set[str]]:
    """Return how ready assignment says to be, and what it says to be down."""
    answer = await province.as_("chair").get("/health/ready")
    told = answer.json()
    return answer.status_code, told["status"], {part for part, state in told["parts"].items() if state == "down"}


async def says(province: Province, expected: tuple[int, str, set[str]]) -> bool:
    return await readiness(province) == expected


async def test_services_that_were_killed_miss_nothing(province: Province) -> None:
    for service in CONSUMERS:
        await province.stack.kill(service)
    task_id = await assign(province, lead_agency="snn")
    expect(200, await province.as_("clerk-snn").post(f"/v1/tasks/{task_id}/receipt"))
    await asyncio.gather(*map(province.stack.start, CONSUMERS))
    await province.wait_until_idle()
    head = province.as_("head-snn")
    assert await kinds_told(province, "head-snn", task_id) == Counter(["task.assigned", "task.received"])
    assert (await head.summary())["total"]["total"] == 1
    assert expect(200, await head.get(f"/v1/deadlines/{task_id}", at="deadline"))["sequence"] == 2


async def test_a_deadline_that_passes_while_nobody_watches_is_missed_all_the_same(province: Province) -> None:
    task_id = await assign(province, lead_agency="sxd")
    await province.wait_until_idle()
    await province.stack.kill("deadline")
    province.move_to("2026-10-19T09:00:00")
    await province.stack.start("deadline")
    await province.wait_until_idle()
    told = Counter(["task.assigned", "deadline.receipt_overdue", "task.explanation_required"])
    assert await kinds_told(province, "head-sxd", task_id) == told


async def test_a_caller_on_the_same_machine_cannot_choose_the_address_that_failures_count_by(
    province: Province,
) -> None:
    form = {"grant_type": "password", "username": "nobody", "password": "a wrong password"}
    statuses = [
        (
            await province.http.post(f"{province.stack.urls['assignment']}/v1/auth/token", data=form, headers=said)
        ).status_code
        for said in ({"X-Forwarded-For": f"10.0.0.{number}"} for number in range(11))
    ]
    assert statuses == [401] * 10 + [429]


async def test_without_the_broker_a_service_goes_on_and_heals(cuttable: Province, broker: TcpProxy) -> None:
    await broker.cut()
    await wait_until(partial(says, cuttable, (200, "degraded", {"rabbitmq"})), "the broker is seen to be away")
    task_id = await assign(cuttable, deadline="2026-10-30")
    await broker.restore()
    await wait_until(partial(says, cuttable, (200, "ready", set())), "the broker is seen to be back")
    await cuttable.wait_until_idle()
    assert await kinds_told(cuttable, "head-stc", task_id) == Counter(["task.assigned"])


async def test_what_was_written_before_a_kill_is_told_after_it(cuttable: Province, broker: TcpProxy) -> None:
    await broker.cut()
    await wait_until(partial(says, cuttable, (200, "degraded", {"rabbitmq"})), "the broker is seen to be away")
    task_id = await assign(cuttable, deadline="2026-10-30")
    await cuttable.stack.kill("assignment")
    await broker.restore()
    await cuttable.stack.start("assignment")
    await cuttable.wait_until_idle()
    assert await kinds_told(cuttable, "head-stc", task_id) == Counter(["task.assigned"])


async def test_without_mongodb_a_service_says_so_and_heals(cuttable: Province, mongodb: TcpProxy) -> None:
    chair = cuttable.as_("chair")
    await mongodb.cut()
    await wait_until(partial(says, cuttable, (503, "unavailable", {"mongodb"})), "MongoDB is seen to be away")
    assert expect(200, await chair.get("/health/live")) == {"status": "live"}
    unavailable = await chair.post("/v1/tasks", TASK | {"deadline": "2026-10-30"})
    assert expect(503, unavailable)["code"] == "unavailable"
    assert int(unavailable.headers["Retry-After"]) > 0
    await mongodb.restore()
    await wait_until(partial(says, cuttable, (200, "ready", set())), "MongoDB is seen to be back")
    task_id = await assign(cuttable, deadline="2026-10-30")
    await cuttable.wait_until_idle()
    assert await kinds_told(cuttable, "head-stc", task_id) == Counter(["task.assigned"])
