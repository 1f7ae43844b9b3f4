"""Services killed, and servers away for a moment: everything comes back by itself, and nobody misses anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from tests.support.consumers import CONSUMERS
from tests.support.messaging import wait_until
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.running_stack import Caller, RunningStack, expect

TASK = {"title": "Báo cáo tình hình thiên tai", "lead_agency": "stc", "deadline": "2026-10-16"}


@pytest.fixture(scope="module")
async def broker(stack: RunningStack) -> AsyncIterator[TcpProxy]:
    async with proxy_to(stack.servers.rabbitmq.amqp_port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def mongodb(stack: RunningStack) -> AsyncIterator[TcpProxy]:
    async with proxy_to(stack.servers.mongod.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def proxied(
    stack: RunningStack, stack_settings: dict[str, str], broker: TcpProxy, mongodb: TcpProxy
) -> AsyncIterator[RunningStack]:
    """The stack with an assignment that reaches both servers through the proxies."""
    services = stack.services
    stack_settings["ASSIGNMENT_AMQP_URL"] = broker.address_of(services.amqp_url)
    stack_settings["ASSIGNMENT_MONGODB_URI"] = mongodb.address_of(services.database_uris["assignment"])
    await services.stop("assignment")
    await services.start("assignment")
    yield stack
    await services.stop("assignment")


async def assign(stack: RunningStack, **changes: Any) -> str:
    answer = await stack.as_("chair").post("/v1/tasks", TASK | changes)
    return str(expect(201, answer)["id"])


async def kinds_told(stack: RunningStack, username: str, task_id: str) -> Counter[str]:
    inbox = await stack.as_(username).inbox(task_id=task_id)
    return Counter(entry["kind"] for entry in inbox["items"])


async def readiness(stack: RunningStack) -> tuple[int, str, set[str]]:
    """Return how ready assignment says to be, and what it says to be down."""
    answer = await stack.as_("chair").get("/health/ready")
    told = answer.json()
    return answer.status_code, told["status"], {part for part, state in told["parts"].items() if state == "down"}


async def says(stack: RunningStack, expected: tuple[int, str, set[str]]) -> bool:
    return await readiness(stack) == expected


async def is_answered(caller: Caller) -> bool:
    return (await caller.get("/v1/me")).status_code == 200


async def test_services_that_were_killed_miss_nothing(stack: RunningStack) -> None:
    for service in CONSUMERS:
        await stack.services.kill(service)
    task_id = await assign(stack, lead_agency="snn")
    expect(200, await stack.as_("clerk-snn").post(f"/v1/tasks/{task_id}/receipt"))
    await asyncio.gather(*map(stack.services.start, CONSUMERS))
    await stack.wait_until_idle()
    head = stack.as_("head-snn")
    assert await kinds_told(stack, "head-snn", task_id) == Counter(["task.assigned", "task.received"])
    assert (await head.summary())["total"]["total"] == 1
    assert expect(200, await head.get(f"/v1/deadlines/{task_id}", at="deadline"))["sequence"] == 2


async def test_a_deadline_that_passes_while_nobody_watches_is_missed_all_the_same(stack: RunningStack) -> None:
    task_id = await assign(stack, lead_agency="sxd")
    await stack.wait_until_idle()
    await stack.services.kill("deadline")
    stack.set_time("2026-10-19T09:00:00")
    await stack.services.start("deadline")
    await stack.wait_until_idle()
    told = Counter(["task.assigned", "deadline.receipt_overdue", "task.explanation_required"])
    assert await kinds_told(stack, "head-sxd", task_id) == told


async def test_a_caller_on_the_same_machine_cannot_choose_the_address_that_failures_count_by(
    stack: RunningStack,
) -> None:
    form = {"grant_type": "password", "username": "nobody", "password": "a wrong password"}
    statuses = [
        (
            await stack.http.post(f"{stack.services.urls['assignment']}/v1/auth/token", data=form, headers=said)
        ).status_code
        for said in ({"X-Forwarded-For": f"10.0.0.{number}"} for number in range(11))
    ]
    assert statuses == [401] * 10 + [429]


async def test_without_the_broker_a_service_goes_on_and_heals(proxied: RunningStack, broker: TcpProxy) -> None:
    await broker.cut()
    await wait_until(partial(says, proxied, (200, "degraded", {"rabbitmq"})), "the broker is seen to be away")
    task_id = await assign(proxied, deadline="2026-10-30")
    await broker.restore()
    await wait_until(partial(says, proxied, (200, "ready", set())), "the broker is seen to be back")
    await proxied.wait_until_idle()
    assert await kinds_told(proxied, "head-stc", task_id) == Counter(["task.assigned"])


async def test_what_was_written_before_a_kill_is_told_after_it(proxied: RunningStack, broker: TcpProxy) -> None:
    await broker.cut()
    await wait_until(partial(says, proxied, (200, "degraded", {"rabbitmq"})), "the broker is seen to be away")
    task_id = await assign(proxied, deadline="2026-10-30")
    await proxied.services.kill("assignment")
    await broker.restore()
    await proxied.services.start("assignment")
    await proxied.wait_until_idle()
    assert await kinds_told(proxied, "head-stc", task_id) == Counter(["task.assigned"])


async def test_without_mongodb_a_service_says_so_and_heals(proxied: RunningStack, mongodb: TcpProxy) -> None:
    chair = proxied.as_("chair")
    await mongodb.cut()
    await wait_until(partial(says, proxied, (503, "unavailable", {"mongodb"})), "MongoDB is seen to be away")
    assert expect(200, await chair.get("/health/live")) == {"status": "live"}
    unavailable = await chair.post("/v1/tasks", TASK | {"deadline": "2026-10-30"})
    assert expect(503, unavailable)["code"] == "unavailable"
    assert int(unavailable.headers["Retry-After"]) > 0
    await mongodb.restore()
    await wait_until(partial(says, proxied, (200, "ready", set())), "MongoDB is seen to be back")
    await wait_until(partial(is_answered, chair), "requests are answered again")
    task_id = await assign(proxied, deadline="2026-10-30")
    await proxied.wait_until_idle()
    assert await kinds_told(proxied, "head-stc", task_id) == Counter(["task.assigned"])
