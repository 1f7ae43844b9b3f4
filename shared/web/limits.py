"""Limits on a body: its size, its media type, and strict JSON."""

from __future__ import annotations

import email.message
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import orjson
from starlette.requests import Request

from shared.budget import current_budget
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.web.admission import slot_of
from shared.web.members import require_each_field_once, require_each_member_once

MEGABYTE = 1_000_000
DEFAULT_BODY_LIMIT = MEGABYTE
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_LIMIT_ATTRIBUTE = "__body_limit__"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def body_limit(limit: int) -> Callable[[Endpoint], Endpoint]:
    """Let one endpoint take a body of up to `limit` bytes; the decorator goes below that of the route."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _LIMIT_ATTRIBUTE, limit)
        return endpoint

    return mark


def body_limit_of(endpoint: Callable[..., Any]) -> int:
    limit: int = getattr(endpoint, _LIMIT_ATTRIBUTE, DEFAULT_BODY_LIMIT)
    return limit


async def take_body(request: Request, media_type: str, limit: int) -> None:
    """Read the body, and parse its JSON, into the request, where FastAPI finds them.

    Raises:
        Refusal: the body is too large (also one sent in chunks), has another media type, is not strict JSON,
            or has a member or a field twice.

    """
    if int(request.headers.get("content-length") or 0) > limit:
        raise Refusal(Code.PAYLOAD_TOO_LARGE)
    if "content-type" in request.headers or _announces_body(request):
        _require_media_type(request, media_type)
    with _waiting_for_client(request):
        request._body = await _read(request, limit)  # noqa: SLF001 - Starlette keeps a body that was read here
    if media_type != JSON:
        await require_each_field_once(request)
    elif request._body:  # noqa: SLF001
        request._json = strict_json(request._body)  # noqa: SLF001
        await require_each_member_once(request._body, request._json)  # noqa: SLF001


@contextmanager
def _waiting_for_client(request: Request) -> Iterator[None]:
    """Count no time and hold no slot while the client sends the body; the connection bounds how long it may take."""
    budget, slot = current_budget(), slot_of(request.scope)
    with budget.paused() if budget else nullcontext(), slot.lent() if slot else nullcontext():
        yield


def strict_json(body: bytes) -> Any:
    """Parse JSON: UTF-8 without a byte order mark, no lone surrogate, NaN, Infinity or 1e400, nesting below 1,024.

    Integers beyond 64 bits become floats, which no integer field accepts.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Without the cause, which holds the whole body.
        raise invalid("body", FieldCode.BAD_JSON) from None


def _announces_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers


def _require_media_type(request: Request, expected: str) -> None:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity" or not _is_media_type(request.headers.get("content-type", ""), expected):
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)


def _is_media_type(content_type: str, expected: str) -> bool:
    message = email.message.Message()
    message["content-type"] = content_type
    sent = message.get_content_type() if content_type else ""
    return sent == expected or (expected == JSON and sent.startswith("application/") and sent.endswith("+json"))


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(Code.PAYLOAD_TOO_LARGE)
    return bytes(body)
