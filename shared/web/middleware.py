"""The middleware of every request: it admits, bounds, measures, protects, logs a line, answers unexpected errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.budget import Budget
from shared.metrics import HTTP_DURATION, HTTP_REQUESTS
from shared.web.admission import Slot, Slots, keep_slot
from shared.web.http_policy import HttpPolicy
from shared.web.problems import failure_response
from shared.web.protection import protected

CUT_STATUS: Final = "dondoc.cut_status"
"""The key of a scope for the status of a request whose work is cancelled because its connection was cut."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_READS = frozenset({"GET", "HEAD"})
_FOR_MACHINES = ("/health/", "/metrics")
_SERVER_ERROR = 500
_IN_TIME: Final = 0.9
"""The share of the budget after which a request is given up; the rest is for the way of the answer."""
_log = structlog.get_logger()


class AdmissionMiddleware:
    """Pure ASGI middleware; it runs outside all others, so that a refused request costs next to nothing.

    Reads and changes have slots of their own: slow lists never keep an act out. Health and metrics need no slot.
    """

    def __init__(self, app: ASGIApp, service: str, policy: HttpPolicy) -> None:
        self._app = app
        self._reads = Slots(service, policy.requests_at_once)
        self._changes = Slots(service, policy.requests_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_FOR_MACHINES):
            await self._app(scope, receive, send)
            return
        slot = Slot(self._reads if scope["method"] in _READS else self._changes)
        if not slot.take():
            await failure_response(Headers(scope=scope), away=True)(scope, receive, send)
            return
        keep_slot(scope, slot)
        try:
            await self._app(scope, receive, send)
        finally:
            slot.give_back()


class RequestMiddleware:
    """Pure ASGI middleware; it runs inside that of the correlation id, so that answers and log lines have the id."""

    def __init__(
        self, app: ASGIApp, service: str, policy: HttpPolicy, is_away: Callable[[BaseException], bool]
    ) -> None:
        self._app = app
        self._service = service
        self._seconds = policy.budget_seconds * _IN_TIME
        self._is_away = is_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        budget = Budget(self._seconds)
        answer = _Answer(scope["path"], send, budget)
        began = time.perf_counter()
        try:
            async with budget:
                await self._app(scope, receive, answer.send)
        except asyncio.CancelledError:
            answer.status = scope.get(CUT_STATUS, answer.status)
            raise
        except Exception as error:
            away = budget.is_over or self._is_away(error)
            _log_failure(scope, error, away=away)
            if answer.started:  # the connection is broken off, so that half an answer is not taken for a whole one
                raise
            await failure_response(Headers(scope=scope), away=away)(scope, receive, answer.send)
        finally:
            self._record(scope, answer.status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _route(scope)
        HTTP_REQUESTS.labels(self._service, method, route, status).inc()
        HTTP_DURATION.labels(self._service, method, route).observe(seconds)
        if not route.startswith(_FOR_MACHINES):
            _log.info("request", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))


class _Answer:
    """What was sent so far."""

    def __init__(self, path: str, send: Send, budget: Budget) -> None:
        self._path = path
        self._send = send
        self._budget = budget
        self.started = False
        self.status = _SERVER_ERROR

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._budget.stop()
            self.status = message["status"]
            message["headers"] = protected(self._path, message["headers"])
        await self._send(message)


def _log_failure(scope: Scope, error: Exception, *, away: bool) -> None:
    if away:
        _log.warning("unavailable", route=_route(scope), error=type(error).__name__)
    else:
        _log.error("request_failed", method=scope["method"], route=_route(scope), exc_info=error)


def _route(scope: Scope) -> str:
    """Return the template of the path (`/v1/tasks/{task_id}`), or `unmatched` if no route matched."""
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "unmatched"
