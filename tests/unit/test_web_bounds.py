"""What a request may take of a service: its time, its share of the work, and its rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from shared.office.vocabulary import Role
from tests.support.messaging import wait_until
from tests.support.web import KEYS, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)
HEAD = KEYS.headers_for("hoa", Role.HEAD, "STC")


def expect_to_be_refused(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.headers.get_list("cache-control") == ["no-store"]


async def slow(client: httpx2.AsyncClient, method: str = "GET") -> httpx2.Response:
    return await client.request(method, "/v1/letters/slow", headers=LEADER)


async def busy(client: httpx2.AsyncClient, method: str = "GET") -> asyncio.Task[httpx2.Response]:
    """Begin a request that never ends, and return once it is worked on."""
    task = asyncio.create_task(slow(client, method))
    for _ in range(20):
        await asyncio.sleep(0)
    return task


async def end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_a_request_that_takes_longer_than_its_budget_is_answered() -> None:
    async with client_of(sample_app(budget_seconds=0.05)) as client:
        expect_to_be_refused(await slow(client), 503, "unavailable")


async def test_the_time_in_which_a_client_sends_its_body_is_not_counted() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"title": '
        await asyncio.sleep(1.2)  # a slow client, not a wait for anything
        yield b'"Giao"}'

    headers = LEADER | {"Content-Type": "application/json"}
    async with client_of(sample_app(budget_seconds=1)) as client:
        assert (await client.post("/v1/letters", content=body(), headers=headers)).status_code == 201


async def test_a_request_above_what_a_service_works_on_is_refused_at_once() -> None:
    async with client_of(sample_app(requests_at_once=1)) as client:
        running = await busy(client)
        expect_to_be_refused(await client.get("/v1/letters", headers=LEADER), 503, "unavailable")
        await end(running)
        assert (await client.get("/v1/letters", headers=LEADER)).status_code == 200


@pytest.mark.parametrize(("running", "other"), [("GET", "POST"), ("POST", "GET")])
async def test_reads_and_changes_do_not_keep_each_other_out(running: str, other: str) -> None:
    async with client_of(sample_app(requests_at_once=1)) as client:
        task = await busy(client, running)
        body = {"title": "Giao"} if other == "POST" else None
        assert (await client.request(other, "/v1/letters", headers=LEADER, json=body)).is_success
        await end(task)


async def test_health_and_metrics_are_answered_whatever_else_is_worked_on() -> None:
    async with client_of(sample_app(requests_at_once=1)) as client:
        tasks = [await busy(client), await busy(client, "POST")]
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await client.get(path)).status_code == 200
        for task in tasks:
            await end(task)


async def test_a_refusal_is_in_the_language_of_the_caller() -> None:
    async with client_of(sample_app(requests_at_once=1)) as client:
        running = await busy(client)
        vietnamese = await client.get("/v1/letters")
        english = await client.get("/v1/letters", headers={"Accept-Language": "en"})
        await end(running)
    assert (vietnamese.headers["content-language"], english.headers["content-language"]) == ("vi", "en")
    assert vietnamese.json()["detail"] != english.json()["detail"]


async def test_an_account_above_its_rate_is_refused_and_others_are_not() -> None:
    async with client_of(sample_app(requests_per_account=2)) as client:
        answers = [await client.get("/v1/letters", headers=LEADER) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        expect_to_be_refused(answers[-1], 429, "rate-limited")
        assert (await client.get("/v1/letters", headers=HEAD)).status_code == 200


async def test_an_address_above_its_rate_is_refused_before_the_token_is_looked_at() -> None:
    async with client_of(sample_app(requests_per_address=2)) as client:
        assert [(await client.get("/v1/letters")).status_code for _ in range(3)] == [401, 401, 429]
        assert (await client.get("/health/ready")).status_code == 200


async def test_checks_of_health_at_the_same_moment_are_one_question_to_the_server() -> None:
    asked = 0
    may_answer = asyncio.Event()

    async def answers_slowly() -> bool:
        nonlocal asked
        asked += 1
        await may_answer.wait()
        return True

    async with client_of(sample_app(mongodb=answers_slowly)) as client:
        tasks = [asyncio.create_task(client.get("/health/ready")) for _ in range(5)]
        await wait_until(lambda: asked > 0, "the server is asked")
        may_answer.set()
        assert {answer.status_code for answer in await asyncio.gather(*tasks)} == {200}
    assert asked == 1
