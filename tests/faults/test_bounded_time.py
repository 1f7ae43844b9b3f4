"""A server that is away, locked, slow or closed to a service: every request is answered in time, and nothing is lost.

The services have servers of their own here. MongoDB runs with its test commands, which make some operations slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any, Final

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pymongo.errors import AutoReconnect

from tests.conftest import RunStack
from tests.faults.conftest import Counts
from tests.support.messaging import wait_until
from tests.support.open_loop import Sent, open_loop
from tests.support.running_stack import QUICK, RunningStack, expect
from tests.support.servers import temporary_servers

BUDGET: Final = 10.0
"""What `HTTP_BUDGET_SECONDS` is unless somebody sets it."""
RATE: Final = 200.0
SOON: Final = 1.0
TEST_COMMANDS: Final = ("--setParameter", "enableTestCommands=1")


@pytest.fixture(scope="module")
async def stack(run_stack: RunStack) -> AsyncIterator[RunningStack]:
    settings = {**QUICK, "ASSIGNMENT_TOKEN_SECONDS": "3600"}
    async with (
        temporary_servers(mongod_options=TEST_COMMANDS) as servers,
        run_stack(settings, servers=servers, begins=None) as running,
    ):
        for username in ("chair", "head-stc", "clerk-stc"):
            expect(200, await running.as_(username).get("/v1/me"))
        yield running


def expect_in_time(sent: list[Sent]) -> None:
    """Expect that each request was answered within the budget: done, or to be sent again."""
    late = [request for request in sent if request.seconds > BUDGET]
    assert not late, f"{len(late)} of {len(sent)} late, the latest after {max(one.seconds for one in late):.1f} s"
    odd = [request for request in sent if request.status not in {200, 201, 503}]
    assert not odd, odd[:5]
    assert all(request.headers.get("Retry-After") for request in sent if request.status == 503)


def is_good(one: Sent, *, since: datetime) -> bool:
    return one.status == 201 and one.answered_at > since


async def done_at(stack: RunningStack) -> dict[str, datetime]:
    """Return when MongoDB inserted each task, by its title, as its log of operations says."""
    log = stack.servers.administration["local"]["oplog.rs"]
    namespace = f"{stack.services.databases['assignment']}.tasks"
    return {
        record["o"]["title"]: record["wall"].replace(tzinfo=UTC)
        async for record in log.find({"ns": namespace, "op": "i"})
    }


async def is_ready(stack: RunningStack, service: str, status: str) -> bool:
    answer = await stack.http.get(f"{stack.services.urls[service]}/health/ready")
    return bool(answer.json()["status"] == status)


async def is_assigned(stack: RunningStack) -> bool:
    answer = await stack.as_("chair").post("/v1/tasks", {"title": "Thử", "lead_agency": "stc"})
    return answer.status_code == 201


# An outage of MongoDB


async def test_an_outage_of_mongodb_is_told_in_time_and_ends_at_once(stack: RunningStack, counts: Counts) -> None:
    """Nothing is carried out after it was given up, and nothing that was answered with success is lost."""
    headers, url = dict(stack.as_("chair").headers or {}), f"{stack.services.urls['assignment']}/v1/tasks"
    mongod, enough = stack.servers.mongod, asyncio.Event()
    async with open_loop(url, headers) as clients:
        sending = asyncio.create_task(clients.send(RATE, enough))
        await wait_until(lambda: any(one.status == 201 for one in clients.sent), "tasks are assigned")
        await mongod.kill()
        await asyncio.sleep(counts.of(6, 20))  # the outage that is tried, not a wait for anything
        await mongod.start()
        is_back = datetime.now(UTC)
        await wait_until(lambda: any(is_good(one, since=is_back) for one in clients.sent), "tasks are assigned again")
        enough.set()
        await sending
        sent = await clients.all_answered()

    expect_in_time(sent)
    first = min(one.answered_at for one in sent if is_good(one, since=is_back))
    assert (first - is_back).total_seconds() < 2 * SOON + 1
    titles = {clients.title_of(one.number): one for one in sent}
    done = {title: at for title, at in (await done_at(stack)).items() if title in titles}
    assert {title for title, one in titles.items() if one.status == 201} <= done.keys()
    given_up = {title: at for title, at in done.items() if titles[title].status == 503}
    assert not [title for title, at in given_up.items() if at > titles[title].answered_at]


async def test_who_waits_longer_than_a_moment_in_an_outage_is_refused_at_once(stack: RunningStack) -> None:
    """The first who finds MongoDB away waits for it; those who come then do not."""
    await stack.servers.mongod.kill()
    try:
        await wait_until(lambda: is_ready(stack, "assignment", "unavailable"), "assignment is not ready")
        assert not await is_assigned(stack)
        began = perf_counter()
        answers = await asyncio.gather(*(stack.as_("chair").get("/v1/me") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {503}
        assert perf_counter() - began < BUDGET / 2
    finally:
        await stack.servers.mongod.start()
    await wait_until(lambda: is_ready(stack, "assignment", "ready"), "assignment is ready")


# A lock


async def answers_administrator(stack: RunningStack) -> bool:
    try:
        await stack.servers.administration.admin.command("ping")
    except AutoReconnect:
        return False
    return True


@asynccontextmanager
async def locked(stack: RunningStack) -> AsyncIterator[None]:
    """Lock MongoDB for writes, as a backup of its files does."""
    await wait_until(lambda: answers_administrator(stack), "the administrator's connection is whole after the outages")
    await stack.servers.administration.admin.command("fsync", lock=True)
    try:
        yield
    finally:
        await stack.servers.administration.admin.command("fsyncUnlock")


async def test_a_lock_is_told_in_time_and_what_was_refused_is_done_once_afterwards(
    stack: RunningStack, counts: Counts
) -> None:
    async with locked(stack):
        began = perf_counter()
        await wait_until(lambda: is_ready(stack, "assignment", "unavailable"), "assignment is not ready", within=BUDGET)
        headers, url = dict(stack.as_("chair").headers or {}), f"{stack.services.urls['assignment']}/v1/tasks"
        enough = asyncio.Event()
        async with open_loop(url, headers) as clients:
            sending = asyncio.create_task(clients.send(20, enough))
            await asyncio.sleep(counts.of(12, 30) - (perf_counter() - began))  # the lock that is tried
            enough.set()
            await sending
            sent = await clients.all_answered()
    expect_in_time(sent)
    assert {one.status for one in sent} == {503}
    await wait_until(lambda: is_assigned(stack), "tasks are assigned again")
    for one in sent[:20]:
        for status in (201, 200):
            key = clients.title_of(one.number)
            expect(status, await stack.as_("chair").post("/v1/tasks", clients.body_of(one.number), Idempotency_Key=key))


async def sample(stack: RunningStack, name: str, **labels: str) -> float:
    """Return a metric of assignment; 0 if it has none with these labels yet."""
    page = (await stack.http.get(f"{stack.services.urls['assignment']}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


async def writes_under_way(stack: RunningStack) -> int:
    namespace = f"{stack.services.databases['assignment']}.tasks"
    pipeline: list[dict[str, Any]] = [{"$currentOp": {"allUsers": True}}, {"$match": {"ns": namespace, "active": True}}]
    return len(await (await stack.servers.administration.admin.aggregate(pipeline)).to_list())


async def test_a_client_that_has_left_is_not_served(stack: RunningStack) -> None:
    """Two acts reach a lock: the first is under way, the second waits for the first, and its client leaves."""
    chair = stack.as_("chair")

    async def is_under_way() -> bool:
        return await writes_under_way(stack) == 1

    async def one_waits() -> bool:
        return await sample(stack, "dondoc_requests_waiting", queue="tasks.writes") == 1

    async def has_left() -> bool:
        return await sample(stack, "dondoc_http_connections_cut_total", reason="client-left") > left_before

    left_before = await sample(stack, "dondoc_http_connections_cut_total", reason="client-left")
    async with locked(stack):
        staying = asyncio.create_task(chair.post("/v1/tasks", {"title": "Còn chờ", "lead_agency": "stc"}))
        await wait_until(is_under_way, "the first act is under way", within=4)
        leaving = asyncio.create_task(chair.post("/v1/tasks", {"title": "Đã bỏ đi", "lead_agency": "stc"}))
        await wait_until(one_waits, "the second act waits for the first", within=4)
        leaving.cancel()
        await wait_until(has_left, "its client has left", within=4)
    assert (await staying).status_code in {201, 503}
    await wait_until(lambda: is_assigned(stack), "tasks are assigned again")
    assert "Đã bỏ đi" not in await done_at(stack)


# Slow lists


@asynccontextmanager
async def slow_lists(stack: RunningStack, service: str) -> AsyncIterator[None]:
    """Let MongoDB take three seconds for each list of a service."""
    fail = stack.servers.administration.admin
    data = {
        "failCommands": ["find", "aggregate", "count"],
        "blockConnection": True,
        "blockTimeMS": 3_000,
        "appName": f"{service}.lists",
    }
    await fail.command("configureFailPoint", "failCommand", mode="alwaysOn", data=data)
    try:
        yield
    finally:
        await fail.command("configureFailPoint", "failCommand", mode="off")


@asynccontextmanager
async def a_hundred_readers(stack: RunningStack, url: str, by: str) -> AsyncIterator[list[int]]:
    """Let a hundred clients ask for a list again and again; the list gets the statuses of their answers."""
    statuses: list[int] = []

    async def read() -> None:
        while True:
            answer = await stack.as_(by).http.get(url, headers=stack.as_(by).headers or {})
            statuses.append(answer.status_code)

    readers = [asyncio.create_task(read()) for _ in range(100)]
    try:
        yield statuses
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
    broken = [reader.exception() for reader in readers if not reader.cancelled()]
    assert not broken, broken


async def seconds_for(request: Callable[[], Awaitable[httpx2.Response]], status: int) -> float:
    began = perf_counter()
    answer = await request()
    assert answer.status_code == status, answer.text
    return perf_counter() - began


async def test_a_hundred_slow_lists_hold_up_neither_acts_nor_sign_in_nor_health(stack: RunningStack) -> None:
    url, chair = stack.services.urls["assignment"], stack.as_("chair")
    assign = {"title": "Bên cạnh danh sách chậm", "lead_agency": "stc"}
    requests: dict[str, tuple[int, Callable[[], Awaitable[httpx2.Response]]]] = {
        "live": (200, lambda: stack.http.get(f"{url}/health/live")),
        "ready": (200, lambda: stack.http.get(f"{url}/health/ready")),
        "sign-in": (200, lambda: stack.http.post(f"{url}/v1/auth/token", data=stack.as_("head-stc").proof)),
        "act": (201, lambda: chair.post("/v1/tasks", assign)),
        "own account": (200, lambda: chair.get("/v1/me")),
    }
    async with slow_lists(stack, "assignment"), a_hundred_readers(stack, f"{url}/v1/tasks", "chair") as statuses:
        await wait_until(lambda: len(statuses) >= 8, "lists are answered")
        usual = {
            name: median([await seconds_for(request, status) for _ in range(9)])
            for name, (status, request) in requests.items()
        }
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert {name: seconds for name, seconds in usual.items() if seconds > SOON} == {}


async def test_a_hundred_slow_lists_hold_up_no_consumer(stack: RunningStack) -> None:
    """While lists of inboxes are slow, notification goes on to write entries."""
    url = f"{stack.services.urls['notification']}/v1/inbox"
    async with slow_lists(stack, "notification"), a_hundred_readers(stack, url, "head-stc") as statuses:
        await wait_until(lambda: len(statuses) >= 8, "lists are answered")
        task = expect(201, await stack.as_("chair").post("/v1/tasks", {"title": "Cần báo", "lead_agency": "stc"}))
        entry = {"task_id": task["id"], "username": "head-stc"}
        await wait_until(lambda: stack.has_record("notification", "inbox", entry), "the head is told", within=5)
    assert set(statuses) <= {200, 503}


# The right to consume


async def test_a_service_that_may_not_read_its_queue_any_more_says_so(stack: RunningStack) -> None:
    user = stack.services.vhost
    path = f"/api/permissions/{stack.services.vhost}/{user}"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    await wait_until(lambda: is_ready(stack, "notification", "ready"), "notification is ready")
    (await stack.servers.management.put(path, json={**everything, "read": "^$"})).raise_for_status()
    try:
        await wait_until(lambda: is_ready(stack, "notification", "degraded"), "notification is degraded", within=10)
    finally:
        (await stack.servers.management.put(path, json=everything)).raise_for_status()
    await wait_until(lambda: is_ready(stack, "notification", "ready"), "notification is ready again")


# Overload


async def test_what_comes_above_the_capacity_is_refused_and_nothing_accepted_is_lost(stack: RunningStack) -> None:
    """A thousand come at the same moment, several times as many as a service works on."""
    headers, url = dict(stack.as_("chair").headers or {}), f"{stack.services.urls['assignment']}/v1/tasks"
    async with open_loop(url, headers) as clients:
        for _ in range(3):
            await clients.send_together(1_000)
        sent = await clients.all_answered()
    expect_in_time(sent)
    assert {one.status for one in sent} == {201, 503}
    stored = await done_at(stack)
    assert not [one for one in sent if one.status == 201 and clients.title_of(one.number) not in stored]
