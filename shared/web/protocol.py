"""HTTP as uvicorn speaks it, with bounds: on the time and size of what a client sends, and on how long it is served."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from functools import partial
from typing import Any, ClassVar, Final, cast

import httptools
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from shared.office.refusal import Code
from shared.web.connections import Connections, Cut
from shared.web.language import language_of
from shared.web.middleware import CUT_STATUS
from shared.web.problems import problem_response

MOST_HEADERS: Final = 100
_CLIENT_CLOSED_REQUEST: Final = 499
_LEAST_READ: Final = 65_536
_LINGER_SECONDS: Final = 2


class Phase(Enum):
    """What a connection is about."""

    HEAD = auto()
    """It waits for the rest of a head; a new connection for the whole of it."""
    BODY = auto()
    """It waits for the rest of a body, which is perhaps being read already."""
    SERVED = auto()
    """Its request is whole and being answered."""
    IDLE = auto()
    """It waits for the next request."""
    CLOSING = auto()
    """It was refused, and the client may still read why. What it sends is thrown away."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection; `protocol_for` makes the class for the connections of one table."""

    table: ClassVar[Connections]
    _phase: Phase | None = None
    _receiving: Phase | None = None
    """HEAD or BODY while a request is incomplete."""
    _unparsed = 0
    """How many bytes came since the parser had something whole: a head, or a piece of a body."""
    _served: RequestResponseCycle | None = None
    _task: asyncio.Task[None] | None = None
    _unsent = 0
    _unsent_deadline = 0.0

    # The transport calls these.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.table.add(self)
        self._enter(Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.table.remove(self)
        if self._is_serving():
            self.table.count(Cut.CLIENT_LEFT)
            self._stop_serving(_CLIENT_CLOSED_REQUEST)

    def data_received(self, data: bytes) -> None:
        # Not more than the rest of a head is parsed at once, so that a long one is known before it is collected.
        while data and self._phase is not Phase.CLOSING and not self.transport.is_closing():
            room = self.table.policy.head_bytes - self._unparsed
            if room <= 0:
                self._cut(Cut.HEAD_TOO_LARGE, Code.HEAD_TOO_LARGE)
                return
            piece, data = data[:room], data[room:]
            self._unparsed += len(piece)
            self._parse(piece)
        self._enter_present_phase()

    def _parse(self, piece: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # the request is answered as if it had not asked; what follows is not HTTP
        except httptools.HttpParserError:
            if self._has_too_many_headers():
                self._cut(Cut.HEAD_TOO_LARGE, Code.HEAD_TOO_LARGE)
            else:
                self._cut(Cut.MALFORMED, Code.MALFORMED_REQUEST)

    # The parser calls these.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._receiving = Phase.HEAD

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if self._has_too_many_headers():
            raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        self._receiving, self._unparsed = Phase.BODY, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving, self._unparsed = None, 0
        super().on_message_complete()

    # uvicorn calls these.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.table.is_crowded():
            self.table.count(Cut.CROWDED)
            app = _answer_unavailable
        self._served, self._task = cycle, None
        super()._start_asgi_task(cycle, partial(self._serve, cycle, app))

    async def _serve(self, cycle: RequestResponseCycle, app: Any, *asgi: Any) -> None:
        if cycle.disconnected:
            return
        self._task = asyncio.current_task()
        try:
            await app(*asgi)
        except asyncio.CancelledError:
            if not cycle.disconnected:
                raise

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._enter_present_phase()

    # The table of connections calls these.

    def make_room(self) -> None:
        self._stop_serving(_CLIENT_CLOSED_REQUEST)
        self.transport.abort()

    def expire(self) -> None:
        match self._phase:
            case Phase.HEAD:
                self._cut(Cut.HEAD_SLOW, Code.REQUEST_TIMEOUT if self._unparsed else None)
            case Phase.BODY:
                self._cut(Cut.BODY_SLOW, Code.REQUEST_TIMEOUT)
            case Phase.IDLE:
                self.transport.close()
            case _:
                self.transport.abort()

    def has_stopped_reading(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or not self._unsent or unsent > self._unsent or unsent <= self._unsent - _LEAST_READ:
            self._unsent = unsent
            self._unsent_deadline = now + self.table.policy.answer_seconds
        return now >= self._unsent_deadline

    def give_up_answer(self) -> None:
        self._cut(Cut.ANSWER_SLOW)

    # What all of these do.

    def _enter_present_phase(self) -> None:
        if self._phase is not Phase.CLOSING and not self.transport.is_closing():
            self._enter(self._present_phase())

    def _present_phase(self) -> Phase:
        if self._receiving is not None:
            return self._receiving
        if self.cycle is None:
            return Phase.HEAD
        return Phase.IDLE if self.cycle.response_complete else Phase.SERVED

    def _enter(self, phase: Phase) -> None:
        if phase is self._phase:
            return
        self._phase = phase
        if phase is Phase.SERVED:
            self.table.serve(self)
        else:
            self.table.wait(self, self.loop.time() + self._longest(phase))

    def _longest(self, phase: Phase) -> float:
        match phase:
            case Phase.HEAD:
                return self.table.policy.head_seconds
            case Phase.BODY:
                return self.table.policy.body_seconds
            case Phase.CLOSING:
                return _LINGER_SECONDS
            case _:
                return self.config.timeout_keep_alive

    def _cut(self, cut: Cut, code: Code | None = None) -> None:
        """Close the connection, with the answer `code` if that can still be given."""
        self.table.count(cut)
        answer = self._answer_to_give(code)
        self._stop_serving(answer.status_code if answer else _CLIENT_CLOSED_REQUEST)
        if answer:
            self._close_with(answer)
        else:
            self.transport.abort()

    def _answer_to_give(self, code: Code | None) -> Response | None:
        if code is None or not self._may_answer():
            return None
        return problem_response(code, language_of(Headers(raw=self.headers or [])), headers={"Connection": "close"})

    def _may_answer(self) -> bool:
        """Whether the next answer on this connection would be that to the request that is incomplete."""
        if self._receiving is Phase.BODY:
            return not self.pipeline and not self.cycle.response_started
        return self.cycle is None or self.cycle.response_complete

    def _close_with(self, answer: Response) -> None:
        """Answer, and let the client read it. If it still sends, closing at once would break its connection first."""
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        lines = (b"%b: %b\r\n" % header for header in headers)
        self.transport.write(b"".join([STATUS_LINE[answer.status_code], *lines, b"\r\n", bytes(answer.body)]))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._enter(Phase.CLOSING)

    def _stop_serving(self, status: int) -> None:
        """End the work on a request whose answer nobody would get; `status` is for metrics and log."""
        cycle, self._served = self._served, None
        if cycle is None or cycle.response_complete:
            return
        cycle.disconnected = True
        cycle.message_event.set()
        cast("Scope", cycle.scope)[CUT_STATUS] = status
        if self._task is not None:
            self._task.cancel()

    def _is_serving(self) -> bool:
        if self._served is None or self._served.response_complete:
            return False
        return self._task is None or not self._task.done()

    def _has_too_many_headers(self) -> bool:
        return self.headers is not None and len(self.headers) > MOST_HEADERS


def protocol_for(connections: Connections) -> type[BoundedHttpProtocol]:
    """Make the class of which uvicorn makes an object for each connection."""

    class TableProtocol(BoundedHttpProtocol):
        table = connections

    return TableProtocol


async def _answer_unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem_response(Code.UNAVAILABLE, language_of(Headers(scope=scope)), headers={"Connection": "close"})
    await response(scope, receive, send)
