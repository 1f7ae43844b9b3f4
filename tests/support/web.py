"""A small real service: a route of every kind, answered by the same layers as the services' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx2
from fastapi import FastAPI, Form, Query, Response
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from pymongo.errors import ServerSelectionTimeoutError

from shared.app import create_app
from shared.health import Part
from shared.office.access import Permission, require_permission
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import Priority
from shared.settings import HttpSettings, Mode, ServiceSettings
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, IfMatch, etag
from shared.web.fields import (
    AgencyCode,
    Body,
    DayField,
    LongText,
    Maybe,
    MomentField,
    Note,
    Percent,
    QueryMoment,
    Title,
)
from shared.web.limits import MEGABYTE, body_limit
from shared.web.pages import DEFAULT_LIMIT, Limit
from shared.web.problems import problem_responses
from shared.web.route import api_router
from tests.support.tokens import TestKeys

KEYS = TestKeys()


class SampleSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SAMPLE_")

    port: int = 0


class Item(Body):
    title: Title
    note: Maybe[Note] = None


class Letter(Body):
    title: Title
    text: Maybe[LongText] = None
    note: Maybe[Note] = None
    percent: Percent = 0
    priority: Priority = Priority.NORMAL
    deadline: DayField | None = None
    due_at: MomentField | None = None
    agencies: Annotated[tuple[AgencyCode, ...], Field(max_length=3)] = ()
    items: tuple[Item, ...] = ()


_letters = api_router("/v1/letters", ["letters"])
_doors = api_router("/v1/doors", ["doors"], public=True)


@_letters.post("", status_code=201, responses=problem_responses(Code.NOT_PERMITTED, Code.IDEMPOTENCY_MISMATCH))
async def write(letter: Letter, caller: Caller, key: IdempotencyKey = None) -> Letter:
    require_permission(caller, Permission.ASSIGN)
    return letter


@_letters.get("")
async def letters(
    _caller: Caller,
    due_from: Annotated[DayField | None, Query()] = None,
    updated_since: Annotated[QueryMoment | None, Query()] = None,
    agency: Annotated[AgencyCode | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> dict[str, str | int | None]:
    since = updated_since.isoformat() if updated_since else None
    return {"due_from": str(due_from), "updated_since": since, "agency": agency, "limit": limit}


@_letters.post("/large")
@body_limit(5 * MEGABYTE)
async def write_large(letter: Letter) -> int:
    return len(letter.items)


@_letters.get("/slow")
async def wait_for_ever() -> None:
    await asyncio.Event().wait()


@_letters.post("/slow")
async def change_for_ever() -> None:
    await asyncio.Event().wait()


@_letters.get("/{letter_id}")
async def letter(letter_id: str, response: Response) -> dict[str, str]:
    response.headers["ETag"] = etag(7)
    return {"id": letter_id}


@_letters.patch("/{letter_id}")
async def change(
    letter_id: str, if_match: IfMatch = None, item: Item | None = None
) -> dict[str, list[int] | str | None]:
    versions = None if if_match is None else sorted(if_match)
    return {"id": letter_id, "versions": versions, "title": item.title if item else None}


@_letters.post("/{letter_id}/refusal")
async def refuse(letter_id: str) -> None:
    if letter_id == "field":
        raise invalid("items.3.lead", FieldCode.UNKNOWN_AGENCY)
    raise Refusal(Code.EXTENSION_ALREADY_USED)


@_letters.post("/{letter_id}/failure")
async def fail(letter_id: str) -> None:
    if letter_id == "away":
        raise ServerSelectionTimeoutError("mongodb://somewhere")
    raise RuntimeError("a secret of the house")


@_doors.post("")
async def knock(name: Annotated[str, Form(max_length=10)]) -> dict[str, str]:
    return {"name": name}


def sample_settings(**http: Any) -> SampleSettings:
    return SampleSettings(
        mode=Mode.LOCAL,
        mongodb_uri="mongodb://x",
        amqp_url="amqp://x",
        public_keys=KEYS.public_keys,
        http=HttpSettings(**http),
    )


async def _yes() -> bool:
    return True


async def _no() -> bool:
    raise OSError


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


def sample_app(
    mongodb: Callable[[], Awaitable[bool]] = _yes, rabbitmq: Callable[[], Awaitable[bool]] = _no, **http: Any
) -> FastAPI:
    """Make the application; `http` has the bounds that a test sets."""
    return create_app(
        sample_settings(**http),
        routers=[_letters, _doors],
        parts=[Part("mongodb", mongodb, required=True), Part("rabbitmq", rabbitmq, required=False)],
        lifespan=_lifespan,
        asyncapi=lambda: {"asyncapi": "3.0.0"},
    )


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://sample") as client:
        yield client
