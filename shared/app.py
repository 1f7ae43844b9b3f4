"""The HTTP application of every service: its routes, the same middleware, problems, and pages of health and docs."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

import structlog
import uuid_utils
import uvicorn
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware import Middleware

from shared import logs
from shared.health import Part, health_router, measure
from shared.messaging.wiring import Messaging
from shared.mongo import Client, Database, connect, connect_for_lists, is_away, takes_writes
from shared.settings import ServiceSettings
from shared.web.admission import RateLimit
from shared.web.auth import Authenticator, Verifier, by_token
from shared.web.connections import Connections, allowed_connections
from shared.web.docs import add_docs
from shared.web.methods import HeadMiddleware
from shared.web.middleware import AdmissionMiddleware, RequestMiddleware
from shared.web.openapi import extend_openapi
from shared.web.problems import install_problems
from shared.web.protocol import protocol_for
from shared.web.route import StrictRoute

_GRACE_SECONDS: Final = 10
_SANE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    settings: ServiceSettings,
    *,
    routers: Sequence[APIRouter],
    parts: Sequence[Part],
    lifespan: Lifespan,
    authenticate: Authenticator | None = None,
    asyncapi: Callable[[], Mapping[str, Any]] | None = None,
    before_scrape: Sequence[Callable[[], Awaitable[None]]] = (),
) -> FastAPI:
    """Make the application of a service.

    `authenticate` replaces the check of the token alone. `asyncapi` returns the description of the service's messages.
    The functions of `before_scrape` run before each answer of `/metrics`; they update the gauges that no event updates.
    """
    app = FastAPI(
        title=f"Đôn Đốc: {settings.service()}",
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        middleware=_middleware(settings),
    )
    app.state.gateways = settings.gateways
    app.state.address_rate = RateLimit(settings.service(), settings.http.requests_per_address)
    app.state.account_rate = RateLimit(settings.service(), settings.http.requests_per_account)
    app.state.authenticate = authenticate or by_token(Verifier(settings.public_keys, most_kept=settings.tokens_kept))
    install_problems(app)
    scraped: list[Callable[[], Awaitable[None]]] = [partial(measure, settings.service(), parts), *before_scrape]
    # FastAPI tries the routes in this order. Most requests are for those of the service, so they come first.
    for router in (*routers, health_router(parts), _pages_router(asyncapi, scraped)):
        app.include_router(router)
    extend_openapi(app, settings.token_url)
    add_docs(app, settings.token_url)
    return app


def client_of(settings: ServiceSettings) -> Client:
    """Return the client for the work of a service. An operation takes at most half of the budget of a request."""
    seconds = settings.http.budget_seconds / 2
    return connect(settings.mongodb_uri.get_secret_value(), settings.service(), timeout=seconds)


def client_for_lists(settings: ServiceSettings, *, share: float = 0.4) -> Client:
    """Return the client for what people read. An operation takes at most this share of the budget of a request."""
    seconds = settings.http.budget_seconds * share
    return connect_for_lists(settings.mongodb_uri.get_secret_value(), settings.service(), timeout=seconds)


def parts_of(database: Database, messaging: Messaging) -> list[Part]:
    """Return the parts that every service depends on; it can answer without RabbitMQ, but not without MongoDB."""
    return [
        Part("mongodb", partial(takes_writes, database), required=True),
        Part("rabbitmq", messaging.is_up, required=False),
    ]


def _middleware(settings: ServiceSettings) -> list[Middleware]:
    service, policy = settings.service(), settings.http
    return [
        Middleware(AdmissionMiddleware, service=service, policy=policy),
        Middleware(CorrelationIdMiddleware, generator=_new_id, validator=is_sane_id),
        Middleware(RequestMiddleware, service=service, policy=policy, is_away=is_away),
        Middleware(HeadMiddleware),
    ]


def is_sane_id(text: str) -> bool:
    """Whether a request id from the caller (a UUID, a ULID, a traceparent) may be used in logs and events."""
    return _SANE_ID.fullmatch(text) is not None


def _new_id() -> str:
    return str(uuid_utils.uuid7())


def _pages_router(
    asyncapi: Callable[[], Mapping[str, Any]] | None, before_scrape: Sequence[Callable[[], Awaitable[None]]]
) -> APIRouter:
    router = APIRouter(include_in_schema=False, route_class=StrictRoute)

    @router.get("/metrics")
    async def metrics() -> Response:
        await asyncio.gather(*(bring_up_to_date() for bring_up_to_date in before_scrape))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    if asyncapi is not None:

        @router.get("/asyncapi")
        async def messages() -> Mapping[str, Any]:
            return asyncapi()

    return router


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until a signal stops the process; running requests get ten seconds to end."""
    logs.configure(settings.service(), settings.log_level)
    connections = Connections(settings.service(), settings.http, allowed_connections(settings.http))
    _log.info("serving", host=settings.host, port=settings.port, mode=settings.mode)
    # The objects that exist now live as long as the process. Frozen, they are not visited by later garbage collections,
    # each of which would otherwise stop all requests for a tenth of a second.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol_for(connections),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # by default uvicorn trusts the headers of any local client
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
