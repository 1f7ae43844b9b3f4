"""The route class of every service: it authenticates and checks size, type and JSON before FastAPI validates."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, ClassVar

from fastapi import APIRouter, params
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from shared.office.refusal import Code
from shared.web.address import LONGEST_ADDRESS, address_of, network_of
from shared.web.limits import FORM, JSON, MULTIPART, body_limit_of, take_body
from shared.web.openapi import SECURITY
from shared.web.parameters import normalise_path, query_names, require_declared
from shared.web.password_change import require_password_changed
from shared.web.problems import problem_responses

Responses = dict[int | str, dict[str, Any]]
_EVERY_ROUTE = (Code.VALIDATION, Code.RATE_LIMITED, Code.INTERNAL, Code.UNAVAILABLE)
_EVERY_BODY = (Code.PAYLOAD_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)


class StrictRoute(APIRoute):
    """A route that takes no query parameters but its own, each once. Pages for machines are such routes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check the address before FastAPI reads its values."""
        handle = super().get_route_handler()
        names = query_names(self.dependant)

        async def checked(request: Request) -> Response:
            require_declared(request, names)
            normalise_path(request)
            return await handle(request)

        return checked


class CheckedRoute(StrictRoute):
    """A route that checks the caller and the body before its address, and all before FastAPI reads them."""

    public: ClassVar[bool]

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **self._documented(options))
        if self.body_field is not None:
            self.responses = _merged(problem_responses(*_EVERY_BODY), self.responses)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Authenticate and read the body first."""
        handle = super().get_route_handler()
        media_type = self._media_type()
        limit = body_limit_of(self.endpoint)

        async def checked(request: Request) -> Response:
            await self._admit(request)
            if media_type is not None:
                await take_body(request, media_type, limit)
            return await handle(request)

        return checked

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate also who asks for a method that the path does not have."""
        if self.methods and scope["method"] not in self.methods:
            await self._admit(Request(scope))
        await super().handle(scope, receive, send)

    async def _admit(self, request: Request) -> None:
        # `create_app` sets what stands in the state of the application.
        state = request.app.state
        address = address_of(request, state.gateways)
        bind_contextvars(address=address[:LONGEST_ADDRESS])  # every line that is logged from here on has it
        state.address_rate.count(network_of(address))
        if not self.public:
            # Assignment sets `by_account`, which also looks the account up.
            principal = request.state.principal = await state.authenticate(request)
            bind_contextvars(account=principal.username)
            state.account_rate.count(principal.username)
            require_password_changed(principal, self.endpoint)

    def _media_type(self) -> str | None:
        if self.body_field is None:
            return None
        info = self.body_field.field_info
        if isinstance(info, params.File):
            return MULTIPART
        return FORM if isinstance(info, params.Form) else JSON

    @classmethod
    def _documented(cls, options: dict[str, Any]) -> dict[str, Any]:
        codes = _EVERY_ROUTE if cls.public else (Code.NOT_AUTHENTICATED, Code.PASSWORD_CHANGE_REQUIRED, *_EVERY_ROUTE)
        responses = _merged(problem_responses(*codes), options.get("responses") or {})
        if cls.public:
            return {**options, "responses": responses}
        extra = {"security": SECURITY, **(options.get("openapi_extra") or {})}
        return {**options, "responses": responses, "openapi_extra": extra}


class PublicRoute(CheckedRoute):
    """A route without authentication: the token endpoint, the public keys."""

    public: ClassVar[bool] = True


class AuthenticatedRoute(CheckedRoute):
    """A route with authentication; `request.state.principal` is set before the body is read."""

    public: ClassVar[bool] = False


def _merged(general: Responses, own: Responses) -> Responses:
    """Join a route's own problems with the general ones of the same status."""
    both = general.keys() & own.keys()
    texts = {status: f"{general[status]['description']} · {own[status]['description']}" for status in both}
    return {**general, **own, **{status: {**own[status], "description": texts[status]} for status in both}}


def api_router(prefix: str, tags: list[str | Enum], *, public: bool = False) -> APIRouter:
    """Return a router for one resource.

    `prefix` is the whole prefix (`/v1/tasks`), and the router is included without one: the metrics take their labels
    from it.
    """
    return APIRouter(prefix=prefix, tags=tags, route_class=PublicRoute if public else AuthenticatedRoute)
