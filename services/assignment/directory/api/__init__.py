"""The directory over HTTP: a file a resource."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.assignment.directory.attempts import TooManyFailuresError
from shared.office.refusal import Code
from shared.web.language import language_of
from shared.web.problems import problem_response

NOT_STORED: Final = {"Cache-Control": "no-store"}
"""The headers of an answer that holds a token or a secret: no cache may store it."""


async def on_too_many_failures(request: Request, error: Exception) -> Response:
    """Answer with the number of seconds to wait."""
    assert isinstance(error, TooManyFailuresError)  # noqa: S101 - the handler is registered for this error alone
    headers = {"Retry-After": str(error.seconds), **NOT_STORED}
    return problem_response(Code.RATE_LIMITED, language_of(request.headers), headers=headers)
