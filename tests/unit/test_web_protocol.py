"""Slow, silent, large and leaving clients, over real connections."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

import pytest
import structlog
from uvicorn.protocols.http import flow_control, httptools_impl

from shared.web.connections import Cut
from shared.web.http_policy import HttpPolicy
from shared.web.protocol import MOST_HEADERS
from tests.support.http_server import GET, Client, Running, served
from tests.support.messaging import wait_until

QUICK: Final = HttpPolicy(head_seconds=0.5, body_seconds=0.8, answer_seconds=1, head_bytes=8_192, connections=16)
HEAD_BYTES: Final = QUICK.head_bytes
POST: Final = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
UVICORN: Final = "ea814cf42e50628dba76b72e12900943da6801b4bcf097f11dff4ea2cdc99455"

Serve = Callable[..., AbstractAsyncContextManager[Running]]
_names = itertools.count()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with served(f"protocol-{next(_names)}", QUICK) as made:
        yield made


def problem(answer: bytes) -> tuple[int, str]:
    """Return status and code of a problem, which the server says is the last answer of its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *headers = head.lower().split(b"\r\n")
    assert b"content-type: application/problem+json" in headers
    assert b"connection: close" in headers
    said = json.loads(body)
    assert said["status"] == int(status_line.split()[1])
    return said["status"], said["code"]


async def drip(client: Client, byte: bytes, seconds: float = 0.05) -> None:
    """Send a byte again and again, until the server has had enough."""
    while True:
        await client.send(byte)
        await asyncio.sleep(seconds)


async def dripping(client: Client, byte: bytes) -> bytes:
    """Return all that is answered while `byte` is sent again and again, until the server closes the connection."""
    sending = asyncio.create_task(drip(client, byte))
    try:
        async with asyncio.timeout(10):
            return await client.rest()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def counted(running: Running, cut: Cut, count: int = 1) -> None:
    await wait_until(lambda: running.cuts(cut) == count, f"{count} connections are counted as {cut}", within=10)


async def test_an_ordinary_request_is_answered_and_nothing_is_counted(running: Running) -> None:
    client = await running.send(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await client.answer()).endswith(b"done")
    await client.send(POST % b"/echo" + b"x" * 100)
    assert (await client.answer()).endswith(b"x" * 100)
    client.leave()
    assert await running.answers()
    assert [running.cuts(cut) for cut in Cut] == [0] * len(Cut)


async def test_a_silent_connection_is_closed_without_a_word(running: Running) -> None:
    client = await running.send()
    assert await client.rest() == b""
    await counted(running, Cut.HEAD_SLOW)


async def test_half_a_head_is_answered_in_the_end(running: Running) -> None:
    client = await running.send(b"GET /quick HTTP/1.1\r\nHo")
    assert problem(await client.rest()) == (408, "request-timeout")
    await counted(running, Cut.HEAD_SLOW)
    assert running.app.begun == []


@pytest.mark.parametrize("byte", [b"a", b"\r\n"])
async def test_a_head_that_drips_is_not_given_more_time(running: Running, byte: bytes) -> None:
    client = await running.send(b"GET /quick HTTP/1.1\r\nX: " if byte == b"a" else byte)
    assert problem(await dripping(client, byte)) == (408, "request-timeout")


async def test_a_later_head_has_its_time_from_its_first_byte(running: Running) -> None:
    client = await running.send(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.answer()
    await client.send(b"G")
    assert problem(await client.rest()) == (408, "request-timeout")
    await counted(running, Cut.HEAD_SLOW)


async def test_empty_lines_do_not_keep_an_idle_connection(running: Running) -> None:
    running.server.config.timeout_keep_alive = 1
    client = await running.send(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.answer()
    assert await dripping(client, b"\r\n") == b""


async def test_half_a_body_is_answered_in_the_end_and_no_longer_waited_for(running: Running) -> None:
    client = await running.send(POST % b"/echo" + b"x" * 50)
    assert problem(await client.rest()) == (408, "request-timeout")
    await counted(running, Cut.BODY_SLOW)
    await wait_until(lambda: running.app.cancelled == ["/echo"], "the application no longer waits")
    await wait_until(lambda: running.requests(408) == 1, "the request is counted")


async def test_a_body_that_drips_is_not_given_more_time(running: Running) -> None:
    client = await running.send(POST.replace(b"100", b"100000") % b"/echo")
    assert problem(await dripping(client, b"x")) == (408, "request-timeout")


async def test_a_body_that_nobody_waits_for_is_bounded_too(running: Running) -> None:
    client = await running.send(POST.replace(b"100", b"100000") % b"/refuse")
    assert (await client.answer()).startswith(b"HTTP/1.1 401 ")
    assert await dripping(client, b"x") == b""
    await counted(running, Cut.BODY_SLOW)


async def test_a_body_that_comes_after_its_answer_leaves_an_idle_connection(running: Running) -> None:
    running.server.config.timeout_keep_alive = 1
    client = await running.send(POST % b"/refuse" + b"x" * 50)
    await client.answer()
    await client.send(b"x" * 50 + b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await client.answer()).endswith(b"done")
    assert await client.rest() == b""
    assert [running.cuts(cut) for cut in Cut] == [0] * len(Cut)


def head_of(length: int) -> bytes:
    """Return a head of exactly so many bytes."""
    start, end = b"GET /quick HTTP/1.1\r\nConnection: close\r\nX: ", b"\r\n\r\n"
    return start + b"x" * (length - len(start) - len(end)) + end


@pytest.mark.parametrize("cuts", [[], [100], [HEAD_BYTES - 1]])
async def test_the_longest_head_is_taken_and_one_byte_more_is_not(running: Running, cuts: list[int]) -> None:
    for length, expected in ((HEAD_BYTES, b"HTTP/1.1 200 "), (HEAD_BYTES + 1, b"HTTP/1.1 431 ")):
        head = head_of(length)
        ends = [*cuts, length]
        client = await running.send(*(head[start:end] for start, end in zip([0, *cuts], ends, strict=True)))
        assert (await client.rest()).startswith(expected)
    assert running.cuts(Cut.HEAD_TOO_LARGE) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"x" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"x" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * (MOST_HEADERS + 1) + b"\r\n",
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: " + b"x" * 1_000_000,
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + b"a: b\r\n" * (MOST_HEADERS + 1),
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 1_000_000,
    ],
    ids=["address", "name", "header", "headers", "trailer", "trailers", "chunk-extension"],
)
async def test_what_is_too_large_is_refused(running: Running, sent: bytes) -> None:
    client = await running.send(sent)
    assert problem(await client.rest()) == (431, "head-too-large")
    await counted(running, Cut.HEAD_TOO_LARGE)
    assert await running.answers()


async def test_64_megabytes_of_a_header_cost_next_to_nothing(running: Running) -> None:
    client = Client(*await running.connect())
    reading = asyncio.create_task(client.reader.read())
    await client.send(b"GET / HTTP/1.1\r\nX: ")
    try:
        for _ in range(1_024):
            await client.send(b"x" * 65_536)
    except ConnectionError:
        pass  # it may be closed before all is sent
    assert problem(await reading) == (431, "head-too-large")
    client.leave()
    assert running.server.longest_hold < 0.05
    assert running.server.worked < 1


async def test_large_bodies_pass_unchanged(running: Running) -> None:
    body = bytes(range(256)) * 20_000
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    client = await running.send(head)
    sending = asyncio.create_task(client.send(body))
    assert (await client.rest()).endswith(body)
    await sending


async def test_what_is_not_http_is_a_problem_too(running: Running) -> None:
    client = await running.send(b"hello\r\n\r\n")
    assert problem(await client.rest()) == (400, "malformed-request")
    await counted(running, Cut.MALFORMED)


async def test_the_language_of_a_refusal_is_the_caller_s(running: Running) -> None:
    client = await running.send(b"POST /echo HTTP/1.1\r\nAccept-Language: en\r\nContent-Length: 9\r\n\r\n")
    assert b"Content-Language: en".lower() in (await client.rest()).lower()


async def test_an_upgrade_is_not_taken_up(running: Running) -> None:
    client = await running.send(b"GET /quick HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert (await client.rest()).endswith(b"done")


async def test_half_request_lines_shut_nobody_out(running: Running) -> None:
    halves = [await running.send(b"GET /qu") for _ in range(100)]
    assert await running.answers()
    await counted(running, Cut.CROWDED, 100 - QUICK.connections + 1)
    for half in halves:
        half.leave()


async def test_idle_connections_make_room_before_those_that_came_after(running: Running) -> None:
    first = await running.send(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
    await first.answer()
    halves = [await running.send(b"GET /qu") for _ in range(QUICK.connections)]
    assert await first.rest() == b""
    assert running.cuts(Cut.CROWDED) == 1
    for half in halves:
        half.leave()


async def test_one_more_than_can_be_served_is_told_so_and_the_others_are_served(running: Running) -> None:
    others = [await running.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(QUICK.connections)]
    await wait_until(lambda: len(running.app.begun) == QUICK.connections, "all are being served")
    more = await running.send(GET)
    answer = await more.rest()
    assert problem(answer) == (503, "unavailable")
    assert b"retry-after: " in answer
    running.app.may_go_on = True
    for other in others:
        assert (await other.answer()).endswith(b"done")
        other.leave()


async def test_a_client_that_has_left_is_no_longer_served(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    client = await running.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
    await wait_until(lambda: running.app.begun == ["/wait"], "the request is being served")
    client.leave()
    await wait_until(lambda: running.app.cancelled == ["/wait"], "the request is given up")
    await counted(running, Cut.CLIENT_LEFT)
    await wait_until(lambda: running.requests(499) == 1, "the request is counted")
    assert await running.answers()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_client_that_leaves_with_its_answer_has_not_left_early(running: Running) -> None:
    for _ in range(20):
        client = await running.send(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.answer()
        client.leave()
    assert await running.answers()
    assert (running.app.cancelled, running.cuts(Cut.CLIENT_LEFT)) == ([], 0)


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
async def test_a_client_that_does_not_read_its_answer_is_cut_off(running: Running, connection: bytes) -> None:
    client = await running.send(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: %b\r\n\r\n" % connection)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await counted(running, Cut.ANSWER_SLOW)
    client.leave()
    assert await running.answers()


async def test_a_request_in_hand_is_answered_before_the_service_ends(running: Running) -> None:
    client = await running.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
    silent = await running.send(b"GET /qu")
    await wait_until(lambda: running.app.begun == ["/wait"], "the request is being served")
    running.server.should_exit = True
    assert await silent.rest() == b""
    running.app.may_go_on = True
    assert (await client.rest()).endswith(b"done")


async def test_a_hundred_cuts_are_a_handful_of_lines(running: Running) -> None:
    with structlog.testing.capture_logs() as logged:
        clients = [await running.send() for _ in range(100)]
        for client in clients:
            await client.rest()
        cuts = partial(cut_lines, logged)
        await wait_until(lambda: sum(line["count"] for line in cuts()) == 100, "all are logged")
    assert len(cuts()) < 20


def cut_lines(logged: list[Any]) -> list[Any]:
    return [line for line in logged if line["event"] == "connections_cut"]


def test_uvicorn_is_the_one_that_this_was_written_for() -> None:
    """Another uvicorn may call the protocol otherwise: read what changed in these two files, then note it here."""
    source = inspect.getsource(httptools_impl) + inspect.getsource(flow_control)
    assert hashlib.sha256(source.encode()).hexdigest() == UVICORN
