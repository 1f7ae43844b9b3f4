"""The directory over HTTP: a file a resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from services.assignment.directory.attempts import TooManyFailuresError
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.sign_in import SignIn
from services.assignment.directory.tokens import TokenIssuer
from shared.office.refusal import Code
from shared.web.address import address_of
from shared.web.language import language_of
from shared.web.pages import Position, write_cursor
from shared.web.problems import problem_response

NOT_KEPT: Final = {"Cache-Control": "no-store"}
"""What holds a token or a secret is kept by nobody on the way."""


async def _directory(request: Request) -> DirectoryHandlers:
    directory: DirectoryHandlers = request.app.state.directory
    return directory


async def _sign_in(request: Request) -> SignIn:
    sign_in: SignIn = request.app.state.sign_in
    return sign_in


async def _tokens(request: Request) -> TokenIssuer:
    tokens: TokenIssuer = request.app.state.tokens
    return tokens


async def _address(request: Request) -> str:
    return address_of(request, request.app.state.gateways)


TheDirectory = Annotated[DirectoryHandlers, Depends(_directory)]
TheSignIn = Annotated[SignIn, Depends(_sign_in)]
TheTokens = Annotated[TokenIssuer, Depends(_tokens)]
Address = Annotated[str, Depends(_address)]


def cursor_after(names: Sequence[str], limit: int, filters: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page, when more than `limit` names were found."""
    return write_cursor(Position(None, names[limit - 1]), filters) if len(names) > limit else None


async def on_too_many_failures(request: Request, error: Exception) -> Response:
    """Say how long to wait."""
    assert isinstance(error, TooManyFailuresError)  # noqa: S101 - what it was registered for
    headers = {"Retry-After": str(error.seconds), **NOT_KEPT}
    return problem_response(Code.RATE_LIMITED, language_of(request.headers), headers=headers)
