"""Signing in and out by OAuth 2 (`/v1/auth/token`, `/v1/auth/revoke`), and the public keys that verify the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from pydantic import BaseModel, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from services.assignment.directory.api import NOT_STORED
from services.assignment.directory.api.grants import Grants, TokenForm
from services.assignment.directory.api.oauth import ClientForm, malformed, require_client, require_given
from services.assignment.directory.clients import FirstPartyClient
from services.assignment.directory.sessions import Sessions
from services.assignment.directory.tokens import TokenIssuer
from shared.office.refusal import Code, FieldCode
from shared.web.limits import body_limit
from shared.web.problems import problem_responses
from shared.web.route import api_router

_LARGEST_FORM: Final = 16_000


class TokenAnswer(BaseModel):
    """A token, and for how many seconds it is valid; to the web pages also the session, or how long it goes on."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a name
    expires_in: int
    refresh_token: str | None = None
    refresh_expires_in: int | None = None


class RevokeForm(ClientForm):
    """The refresh token of a session, or an access token of it."""

    token: SecretStr | None = None


def token_router(grants: Grants, tokens: TokenIssuer) -> APIRouter:
    router = api_router("/v1/auth", ["sign-in"], public=True)

    @router.post(
        "/token",
        response_model_exclude_none=True,
        responses=problem_responses(Code.NOT_AUTHENTICATED, Code.RATE_LIMITED),
    )
    @body_limit(_LARGEST_FORM)
    async def make_token(request: Request, form: Annotated[TokenForm, Form()], response: Response) -> TokenAnswer:
        """Sign in, or let a session go on.

        `client_id=web` with its `client_secret` gets a session with the token: a `refresh_token`, which stays the same
        until the session ends.
        """
        signed_in = await grants.signed_in(form, request)
        token = tokens.issue(signed_in.account, signed_in.session)
        response.headers.update(NOT_STORED)
        return TokenAnswer(
            access_token=token.text,
            expires_in=token.expires_in,
            refresh_token=signed_in.refresh_token,
            refresh_expires_in=signed_in.refresh_expires_in,
        )

    return router


def revoke_router(sessions: Sessions, client: FirstPartyClient) -> APIRouter:
    router = api_router("/v1/auth", ["sign-in"], public=True)

    @router.post("/revoke", response_class=Response, responses=problem_responses(Code.NOT_AUTHENTICATED))
    @body_limit(_LARGEST_FORM)
    async def revoke_token(request: Request, form: Annotated[RevokeForm, Form()]) -> Response:
        """End the session of a refresh token or of an access token, also if it has ended already (RFC 7009).

        Assignment refuses the access tokens of the session at once, the other services when they end. An access token
        of no session cannot be revoked: `unsupported_token_type`.
        """
        require_client(form, request, client)
        if not await sessions.revoke(require_given(form.token, "token").get_secret_value()):
            raise malformed("unsupported_token_type", "token", FieldCode.INVALID)
        return Response(headers=NOT_STORED)

    return router


def keys_router(public_keys: Mapping[str, Any]) -> APIRouter:
    router = api_router("/.well-known", ["sign-in"], public=True)

    @router.get("/jwks.json")
    async def read_public_keys() -> dict[str, Any]:
        """Return the public keys that verify the tokens, for programs outside."""
        return dict(public_keys)

    return router
