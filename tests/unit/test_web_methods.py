"""`HEAD` and `405`, as far as a route of every kind shows it; `test_web_every_path.py` walks the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from shared.office.vocabulary import Role
from shared.web.methods import HeadMiddleware
from tests.support.web import KEYS, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)


async def test_head_has_the_status_and_the_headers_of_get() -> None:
    pages = ("/v1/letters", "/v1/letters/a", "/health/live", "/openapi.json", "/docs", "/asyncapi", "/v1/nothing")
    async with client_of(sample_app()) as client:
        for page in pages:
            got = await client.get(page, headers=LEADER | {"X-Request-ID": "one"})
            headed = await client.head(page, headers=LEADER | {"X-Request-ID": "one"})
            assert (headed.status_code, headed.headers, headed.content) == (got.status_code, got.headers, b"")
            assert int(headed.headers["content-length"]) == len(got.content) > 0
        assert (await client.head("/v1/letters")).status_code == 401
        assert (await client.head("/static-offline-docs/swagger-ui.css")).status_code == 200


async def test_methods_of_all_routes_that_a_path_matches_are_named() -> None:
    async with client_of(sample_app()) as client:
        for path, methods in {
            "/v1/letters/a": "GET, HEAD, PATCH",
            "/v1/letters/slow": "GET, HEAD, PATCH, POST",
            "/v1/doors": "POST",
            "/static-offline-docs/swagger-ui.css": "GET, HEAD",
        }.items():
            answer = await client.delete(path, headers=LEADER)
            assert (answer.status_code, answer.headers["allow"]) == (405, methods)


async def test_the_head_of_an_endless_stream_ends_it() -> None:
    """A server tells an application that the client has left once the answer is whole."""
    ended = asyncio.Event()
    whole = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b": still here\n\n"
                await asyncio.sleep(0)
        finally:
            ended.set()

    app = FastAPI()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(endless(), media_type="text/event-stream")

    async def receive() -> dict[str, Any]:
        await whole.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            whole.set()

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "HEAD",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": b"",
        "headers": [],
    }
    async with asyncio.timeout(10):
        await HeadMiddleware(app)(scope, receive, send)
    assert ended.is_set()
    assert [(message["type"], message.get("body")) for message in sent] == [
        ("http.response.start", None),
        ("http.response.body", b""),
    ]
    assert scope["route"].path == "/stream"
