"""Clients that are slow, silent or send without end, in the thousands, without an account. Others notice nothing."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import RunStack
from tests.support.running_stack import QUICK, RunningStack, expect

HEAD_SECONDS: Final = 3
BODY_SECONDS: Final = 4
SETTINGS: Final = {**QUICK, "HTTP_HEAD_SECONDS": str(HEAD_SECONDS), "HTTP_BODY_SECONDS": str(BODY_SECONDS)}
EACH: Final = 2_000
HALF_A_BODY: Final = (
    b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\ngrant_type=password&username="
)
HALF_A_LINE: Final = b"GET /v1/ta"
LONGEST_ANSWER_SECONDS: Final = 2
PATIENCE_SECONDS: Final = 60

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def stack(run_stack: RunStack) -> AsyncIterator[RunningStack]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with run_stack(SETTINGS) as running:
        yield running


async def test_a_story_runs_beside_half_bodies_silent_connections_and_a_header_without_end(
    stack: RunningStack,
) -> None:
    await told_slowest(stack)  # everyone has signed in
    port = stack.services.ports["assignment"]
    async with connections(port, HALF_A_BODY, EACH) as halves, connections(port, b"", EACH) as silent:
        header = asyncio.create_task(send_header(port, 64_000_000))
        slowest = 0.0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not header.done() or await cut(stack, "head-slow") < EACH or await cut(stack, "body-slow") < EACH:
                slowest = max(slowest, await told_slowest(stack))
        assert slowest < LONGEST_ANSWER_SECONDS
        assert b" 431 " in (await header).partition(b"\r\n")[0]
        assert {(await reader.read()).partition(b"\r\n")[0] for reader, _ in halves} == {
            b"HTTP/1.1 408 Request Timeout"
        }
        assert {await reader.read() for reader, _ in silent} == {b""}
    assert await cut(stack, "head-too-large") == 1


async def test_more_half_request_lines_than_a_service_holds_shut_nobody_out(run_stack: RunStack) -> None:
    async with run_stack({**QUICK, "HTTP_CONNECTIONS": "300"}) as stack:
        await told_slowest(stack)
        async with connections(stack.services.ports["assignment"], HALF_A_LINE, EACH):
            assert await told_slowest(stack) < LONGEST_ANSWER_SECONDS
            assert await cut(stack, "crowded") > EACH - 400


async def told_slowest(stack: RunningStack) -> float:
    """Let a task be assigned, received, reported and accepted. Return how long the slowest answer took, in seconds."""
    waits: list[float] = []

    async def act(username: str, path: str, status: int = 200, **body: object) -> str:
        caller, began = stack.as_(username), time.perf_counter()
        answer = await caller.post(path, body)
        waits.append(time.perf_counter() - began)
        return str(expect(status, answer)["id"])

    task = await act("chair", "/v1/tasks", 201, title="Báo cáo giải ngân", lead_agency="stc")
    await act("clerk-stc", f"/v1/tasks/{task}/receipt")
    await act("head-stc", f"/v1/tasks/{task}/report", summary="Đã giải ngân 62,5%")
    await act("chair", f"/v1/tasks/{task}/report/decision", accepted=True)
    return max(waits)


@asynccontextmanager
async def connections(port: int, sent: bytes, count: int) -> AsyncIterator[list[Connection]]:
    """Open so many connections, and send this on each."""
    made: list[Connection] = []
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            made.append((reader, writer))
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()


async def send_header(port: int, length: int) -> bytes:
    """Send a header of so many bytes, and return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read())
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    with suppress(ConnectionError):  # the service may have closed the connection before all is sent
        for _ in range(length // 64_000):
            writer.write(b"x" * 64_000)
            await writer.drain()
    try:
        return await answer
    finally:
        writer.transport.abort()


async def cut(stack: RunningStack, reason: str) -> float:
    """Return how many connections assignment has cut for this reason."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{stack.services.urls['assignment']}/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "dondoc_http_connections_cut_total" and sample.labels["reason"] == reason
    )
