"""Problems (RFC 9457), in Vietnamese or English: every answer that is not a success."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.office.labels import Language
from shared.office.refusal import Code, Refusal, Violation
from shared.web.field_texts import field_text
from shared.web.http_refusal import HttpRefusal
from shared.web.input_errors import violations_of
from shared.web.language import language_of
from shared.web.methods import allowed_methods
from shared.web.plain_names import plain_path
from shared.web.problem_texts import KINDS
from shared.web.protection import PERSONAL
from shared.web.refusal_log import log_refusal

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "2"
_CLIENT_CLOSED_REQUEST = 499
_HEADERS: Mapping[Code, Mapping[str, str]] = {
    Code.NOT_AUTHENTICATED: {"WWW-Authenticate": "Bearer"},
    Code.UNAVAILABLE: {"Retry-After": RETRY_AFTER_SECONDS},
}
_CODE_OF_STATUS: Mapping[int, Code] = {
    HTTPStatus.BAD_REQUEST: Code.VALIDATION,
    HTTPStatus.UNAUTHORIZED: Code.NOT_AUTHENTICATED,
    HTTPStatus.FORBIDDEN: Code.NOT_PERMITTED,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.PAYLOAD_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Code.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY: Code.VALIDATION,
    HTTPStatus.TOO_MANY_REQUESTS: Code.RATE_LIMITED,
    HTTPStatus.SERVICE_UNAVAILABLE: Code.UNAVAILABLE,
}


class FieldError(BaseModel):
    """What is wrong with one field.

    `field` is its path, such as `items.3.title`. A name in it that is not plain (`A-Za-z0-9_.-`, at most 60 characters
    in all) is `_`.
    """

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """Why a request was refused; `code` is for programs, `title` and `detail` (the remedy) are for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: Code
    errors: list[FieldError]


def problem_response(
    code: Code,
    language: Language,
    *,
    violations: Sequence[Violation] = (),
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer of a problem; it never repeats what the caller sent."""
    kind = KINDS[code]
    body = {
        "type": f"urn:dondoc:problem:{code}",
        "title": kind.title.text(language),
        "status": kind.status.value,
        "detail": kind.detail.text(language),
        "code": code,
        "errors": [_field_error(violation, language) for violation in violations],
        **(members or {}),
    }
    all_headers = {"Content-Language": language, **PERSONAL, **_HEADERS.get(code, {}), **(headers or {})}
    return Response(orjson.dumps(body), kind.status.value, headers=all_headers, media_type=MEDIA_TYPE)


def _field_error(violation: Violation, language: Language) -> dict[str, str]:
    message = field_text(violation.code, language, violation.bounds)
    return {"field": plain_path(violation.field), "code": violation.code, "message": message}


def failure_response(headers: Headers, *, away: bool) -> Response:
    """Answer an unexpected error without details; `away` means that a server the service needs cannot be reached."""
    return problem_response(Code.UNAVAILABLE if away else Code.INTERNAL, language_of(headers))


def problem_responses(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Document the problems of a route: `responses=problem_responses(Code.NOT_FOUND, Code.WRONG_STAGE)`."""
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status.value, []).append(code)
    return {status: _documented(of_status) for status, of_status in by_status.items()}


def _documented(codes: Iterable[Code]) -> dict[str, Any]:
    lines = (f"`{code}`: {KINDS[code].title.vi} ({KINDS[code].title.en})" for code in codes)
    return {
        "description": " · ".join(lines),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def install_problems(app: FastAPI) -> None:
    """Answer expected errors with problems; `RequestMiddleware` answers unexpected ones."""
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid_input)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - the handler is registered for this error alone
    more = {"members": error.members, "headers": error.headers} if isinstance(error, HttpRefusal) else {}
    log_refusal(request, error)
    return problem_response(error.code, language_of(request.headers), violations=error.violations, **more)


async def _on_invalid_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the handler is registered for this error alone
    violations = violations_of(error.errors())
    return problem_response(Code.VALIDATION, language_of(request.headers), violations=violations)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler is registered for this error alone
    code = _CODE_OF_STATUS.get(error.status_code, Code.INTERNAL)
    allow = {"Allow": ", ".join(allowed_methods(request))} if code is Code.METHOD_NOT_ALLOWED else {}
    return problem_response(code, language_of(request.headers), headers={**(error.headers or {}), **allow})


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """Answer a client that has closed the connection; the status is for the log alone."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)
