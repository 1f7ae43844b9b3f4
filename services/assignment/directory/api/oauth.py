"""What the paths of OAuth 2 share: the credentials of a client, and the refusals with OAuth's `error`."""

from __future__ import annotations

import base64
from typing import NamedTuple, TypeVar
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request

from services.assignment.directory.api import NOT_STORED
from services.assignment.directory.clients import FirstPartyClient
from shared.office.refusal import Code, FieldCode, Violation
from shared.web.http_refusal import HttpRefusal


class ClientForm(BaseModel):
    """The credentials of a client; unknown members are ignored, as OAuth 2 requires."""

    model_config = ConfigDict(extra="ignore")

    client_id: str | None = Field(None, description="A program's username, or `web`; both also by HTTP Basic.")
    client_secret: SecretStr | None = None


class ClientCredentials(NamedTuple):
    client_id: str
    secret: str
    by_header: bool


def client_credentials(form: ClientForm, request: Request) -> ClientCredentials:
    """Read the credentials from HTTP Basic or from the form; both at the same time are refused."""
    header = request.headers.get("authorization")
    if header is not None and form.client_secret is not None:
        raise malformed("invalid_request", "client_secret", FieldCode.INVALID)
    if header is not None:
        return ClientCredentials(*_basic(header), by_header=True)
    client_id = require_given(form.client_id, "client_id")
    secret = require_given(form.client_secret, "client_secret").get_secret_value()
    return ClientCredentials(client_id, secret, by_header=False)


def require_client(form: ClientForm, request: Request, client: FirstPartyClient) -> None:
    """Refuse every client but the first-party one."""
    client_id, secret, by_header = client_credentials(form, request)
    if not client.is_proven(client_id, secret):
        raise not_proven("invalid_client", basic=by_header)


def _basic(header: str) -> tuple[str, str]:
    """Read HTTP Basic; in OAuth 2 the username and the secret are form-encoded."""
    scheme, _, encoded = header.partition(" ")
    try:
        username, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise not_proven("invalid_client", basic=True)
    return unquote_plus(username), unquote_plus(secret)


_Value = TypeVar("_Value")


def require_given(value: _Value | None, field: str) -> _Value:
    if value is None:
        raise malformed("invalid_request", field, FieldCode.MISSING)
    return value


def malformed(error: str, field: str, code: FieldCode) -> HttpRefusal:
    return HttpRefusal(Code.VALIDATION, Violation(field, code), members={"error": error}, headers=NOT_STORED)


def not_proven(error: str, *, basic: bool = False) -> HttpRefusal:
    challenge = {"WWW-Authenticate": 'Basic realm="dondoc"'} if basic else {}
    return HttpRefusal(Code.NOT_AUTHENTICATED, members={"error": error}, headers={**NOT_STORED, **challenge})
