"""The directory over HTTP: a file a resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from services.assignment.directory.attempts import TooManyFailuresError
from shared.office.refusal import Code
from shared.web.language import language_of
from shared.web.pages import Position, write_cursor
from shared.web.problems import problem_response

NOT_STORED: Final = {"Cache-Control": "no-store"}
"""The headers of an answer that holds a token or a secret: no cache may store it."""


def cursor_after(names: Sequence[str], limit: int, filters: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page; None when there are no more than `limit` names."""
    return write_cursor(Position(None, names[limit - 1]), filters) if len(names) > limit else None


async def on_too_many_failures(request: Request, error: Exception) -> Response:
    """Answer with the number of seconds to wait."""
    assert isinstance(error, TooManyFailuresError)  # noqa: S101 - the handler is registered for this error alone
    headers = {"Retry-After": str(error.seconds), **NOT_STORED}
    return problem_response(Code.RATE_LIMITED, language_of(request.headers), headers=headers)
