"""Signing in by OAuth 2 (`POST /v1/auth/token`), and the public keys that verify the tokens."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_plus

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from services.assignment.directory.api import NOT_STORED
from services.assignment.directory.rules.account import Account
from services.assignment.directory.sign_in import SignIn
from services.assignment.directory.tokens import TokenIssuer
from shared.office.refusal import Code, FieldCode, Violation
from shared.web.address import address_of
from shared.web.http_refusal import HttpRefusal
from shared.web.limits import body_limit
from shared.web.problems import problem_responses
from shared.web.route import api_router


class TokenForm(BaseModel):
    """The credentials of a person or a program; unknown members are ignored, as OAuth 2 requires."""

    model_config = ConfigDict(extra="ignore")

    grant_type: str | None = Field(None, description="`password` or `client_credentials`.")
    username: str | None = None
    password: SecretStr | None = None
    client_id: str | None = Field(None, description="The program's username; both also by HTTP Basic.")
    client_secret: SecretStr | None = None


class TokenAnswer(BaseModel):
    """A token, and for how many seconds it is valid."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a name
    expires_in: int


def auth_router(sign_in: SignIn, tokens: TokenIssuer, gateways: int) -> APIRouter:
    router = api_router("/v1/auth", ["sign-in"], public=True)

    @router.post("/token", responses=problem_responses(Code.NOT_AUTHENTICATED, Code.RATE_LIMITED))
    @body_limit(16_000)
    async def make_token(request: Request, form: Annotated[TokenForm, Form()], response: Response) -> TokenAnswer:
        account = await _account(form, request, sign_in, address_of(request, gateways))
        response.headers.update(NOT_STORED)
        return TokenAnswer(access_token=tokens.issue(account), expires_in=tokens.expires_in)

    return router


def keys_router(public_keys: Mapping[str, Any]) -> APIRouter:
    router = api_router("/.well-known", ["sign-in"], public=True)

    @router.get("/jwks.json")
    async def read_public_keys() -> dict[str, Any]:
        """Return the public keys that verify the tokens, for programs outside."""
        return dict(public_keys)

    return router


async def _account(form: TokenForm, request: Request, sign_in: SignIn, address: str) -> Account:
    match form.grant_type:
        case "password":
            return await _person(form, sign_in, address)
        case "client_credentials":
            return await _program(form, request, sign_in, address)
        case None:
            raise _malformed("invalid_request", "grant_type", FieldCode.MISSING)
        case _:
            raise _malformed("unsupported_grant_type", "grant_type", FieldCode.INVALID)


async def _person(form: TokenForm, sign_in: SignIn, address: str) -> Account:
    username = _require_given(form.username, "username")
    password = _require_given(form.password, "password").get_secret_value()
    account = await sign_in.person(username, password, address)
    if account is None:
        raise _not_proven("invalid_grant")
    return account


async def _program(form: TokenForm, request: Request, sign_in: SignIn, address: str) -> Account:
    header = request.headers.get("authorization")
    if header is not None and form.client_secret is not None:
        raise _malformed("invalid_request", "client_secret", FieldCode.INVALID)
    if header is not None:
        username, secret = _basic(header)
    else:
        username = _require_given(form.client_id, "client_id")
        secret = _require_given(form.client_secret, "client_secret").get_secret_value()
    account = await sign_in.program(username, secret, address)
    if account is None:
        raise _not_proven("invalid_client", basic=header is not None)
    return account


def _basic(header: str) -> tuple[str, str]:
    """Read HTTP Basic; in OAuth 2 the username and the secret are form-encoded."""
    scheme, _, encoded = header.partition(" ")
    try:
        username, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _not_proven("invalid_client", basic=True)
    return unquote_plus(username), unquote_plus(secret)


_Value = TypeVar("_Value")


def _require_given(value: _Value | None, field: str) -> _Value:
    if value is None:
        raise _malformed("invalid_request", field, FieldCode.MISSING)
    return value


def _malformed(error: str, field: str, code: FieldCode) -> HttpRefusal:
    return HttpRefusal(Code.VALIDATION, Violation(field, code), members={"error": error}, headers=NOT_STORED)


def _not_proven(error: str, *, basic: bool = False) -> HttpRefusal:
    challenge = {"WWW-Authenticate": 'Basic realm="dondoc"'} if basic else {}
    return HttpRefusal(Code.NOT_AUTHENTICATED, members={"error": error}, headers={**NOT_STORED, **challenge})
