"""The methods of a path: `HEAD` wherever there is `GET`, and which methods a `405` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi.routing import iter_route_contexts
from starlette.routing import Match

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READS: Final = frozenset({"GET", "HEAD"})


class HeadMiddleware:
    """Answers `HEAD` as `GET`, without the body.

    It is pure ASGI middleware. With the head the answer is whole: who would go on sending, as a stream does, is told
    that the client has left.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, _HeadOnly(send).send)
        finally:
            scope["route"] = as_get.get("route")  # the metrics and the log name it


class _HeadOnly:
    def __init__(self, send: Send) -> None:
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b""})


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes that the path of a request matches."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or _READS  # a folder of files has no methods of its own
    # A path within such a folder matches nothing: by now its scope is that of the folder.
    return sorted(methods | _READS if "GET" in methods or not methods else methods)
