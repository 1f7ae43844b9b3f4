"""A small application under uvicorn as `shared.app.serve` runs it, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import uvicorn
from prometheus_client import REGISTRY
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from shared.web.connections import Connections, Cut
from shared.web.http_policy import HttpPolicy
from shared.web.middleware import RequestMiddleware
from shared.web.protocol import protocol_for
from tests.support.messaging import wait_until

LARGE: Final = 20_000_000
"""The bytes of the answer of `/large`, more than the buffers of both ends hold."""
_BEAT_SECONDS: Final = 0.005


@dataclass
class SampleApp:
    """`/quick` answers, `/echo` reads the body first, `/refuse` does not, `/wait` waits until it is told to go on."""

    may_go_on: bool = False
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.begun.append(path)
        try:
            status, body = await self._answer(path, receive)
            await PlainTextResponse(body, status)(scope, receive, send)
        except asyncio.CancelledError:
            self.cancelled.append(path)
            raise
        self.ended.append(path)

    async def _answer(self, path: str, receive: Receive) -> tuple[int, bytes]:
        match path:
            case "/echo":
                return 200, await _body(receive)
            case "/refuse":
                return 401, b"no"
            case "/large":
                return 200, b"x" * LARGE
            case "/wait":
                while not self.may_go_on:  # noqa: ASYNC110 - the test sets it in another thread
                    await asyncio.sleep(_BEAT_SECONDS)
        return 200, b"done"


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


class Server(uvicorn.Server):
    """Measures for how long the loop was held: in processor time, which no other process of the machine adds to."""

    longest_hold = 0.0
    worked = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._beating = asyncio.create_task(self._beat())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._beating.cancel()
        await super().shutdown(sockets)

    async def _beat(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(_BEAT_SECONDS)
            held = time.thread_time() - before
            self.longest_hold = max(self.longest_hold, held)
            self.worked += held


@dataclass(frozen=True)
class Running:
    """The served application, and connections to it."""

    app: SampleApp
    server: Server
    port: int
    service: str

    async def connect(self, *, limit: int = 2**16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=limit)

    async def send(self, *pieces: bytes) -> Client:
        """Connect, and send all of this."""
        client = Client(*await self.connect())
        await client.send(*pieces)
        return client

    async def answers(self) -> bool:
        """Whether an ordinary request on a new connection is answered well."""
        return (await (await self.send(GET)).rest()).startswith(b"HTTP/1.1 200 ")

    def cuts(self, cut: Cut) -> float:
        labels = {"service": self.service, "reason": cut}
        return REGISTRY.get_sample_value("dondoc_http_connections_cut_total", labels) or 0.0

    def requests(self, status: int) -> float:
        """Return how many requests with this status the middleware has counted."""
        samples = [sample for family in REGISTRY.collect() for sample in family.samples]
        return sum(
            sample.value
            for sample in samples
            if sample.name == "dondoc_http_requests_total"
            and (sample.labels["service"], sample.labels["status"]) == (self.service, str(status))
        )


@dataclass(frozen=True)
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self) -> bytes:
        """Return the next answer, which has a length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head + await self.reader.readexactly(int(length.partition(b":")[2]))

    async def rest(self) -> bytes:
        """Return everything until the server closes the connection."""
        try:
            return await self.reader.read()
        finally:
            self.leave()

    def leave(self) -> None:
        self.writer.transport.abort()


GET: Final = b"GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextlib.asynccontextmanager
async def served(service: str, policy: HttpPolicy) -> AsyncIterator[Running]:
    """Serve a sample application; `service` is the label of its metrics."""
    app = SampleApp()
    config = uvicorn.Config(
        RequestMiddleware(app, service, policy, lambda _: False),
        loop="uvloop",
        http=protocol_for(Connections(service, policy)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    server = Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            await wait_until(lambda: server.started, "the sample application is served")
            yield Running(app, server, listening.getsockname()[1], service)
        finally:
            server.should_exit = True
            app.may_go_on = True
            await asyncio.to_thread(thread.join)
