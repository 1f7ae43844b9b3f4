"""The grants of OAuth 2: by what somebody proves who they are when they ask for a token."""

from __future__ import annotations

from pydantic import Field, SecretStr
from starlette.requests import Request

from services.assignment.directory.api.oauth import (
    ClientForm,
    client_credentials,
    malformed,
    not_proven,
    require_client,
    require_given,
)
from services.assignment.directory.clients import FirstPartyClient
from services.assignment.directory.rules.account import Account
from services.assignment.directory.sessions import Sessions, SignedIn
from services.assignment.directory.sign_in import SignIn
from shared.office.refusal import FieldCode
from shared.web.address import address_of


class TokenForm(ClientForm):
    """The credentials of a person or a program, or the refresh token of a session."""

    grant_type: str | None = Field(None, description="`password`, `client_credentials` or `refresh_token`.")
    username: str | None = None
    password: SecretStr | None = None
    refresh_token: SecretStr | None = None


class Grants:
    """Signs people and programs in, and lets sessions go on."""

    def __init__(self, sign_in: SignIn, sessions: Sessions, client: FirstPartyClient, gateways: int) -> None:
        self._sign_in = sign_in
        self._sessions = sessions
        self._client = client
        self._gateways = gateways

    async def signed_in(self, form: TokenForm, request: Request) -> SignedIn:
        """Return who has proven who they are."""
        match form.grant_type:
            case "password":
                return await self._person(form, request)
            case "client_credentials":
                return SignedIn(await self._program(form, request))
            case "refresh_token":
                return await self._refreshed(form, request)
            case None:
                raise malformed("invalid_request", "grant_type", FieldCode.MISSING)
            case _:
                raise malformed("unsupported_grant_type", "grant_type", FieldCode.INVALID)

    async def _person(self, form: TokenForm, request: Request) -> SignedIn:
        """Sign a person in. A client that sends a secret proves it first, and gets a session."""
        address = address_of(request, self._gateways)
        if form.client_secret is None:
            return SignedIn(await self._by_password(form, address))
        require_client(form, request, self._client)
        account = await self._by_password(form, address)
        return await self._sessions.begin(account, address, request.headers.get("user-agent", ""))

    async def _by_password(self, form: TokenForm, address: str) -> Account:
        username = require_given(form.username, "username")
        password = require_given(form.password, "password").get_secret_value()
        account = await self._sign_in.person(username, password, address)
        if account is None:
            raise not_proven("invalid_grant")
        return account

    async def _program(self, form: TokenForm, request: Request) -> Account:
        username, secret, by_header = client_credentials(form, request)
        account = await self._sign_in.program(username, secret, address_of(request, self._gateways))
        if account is None:
            raise not_proven("invalid_client", basic=by_header)
        return account

    async def _refreshed(self, form: TokenForm, request: Request) -> SignedIn:
        require_client(form, request, self._client)
        signed_in = await self._sessions.refresh(require_given(form.refresh_token, "refresh_token").get_secret_value())
        if signed_in is None:
            raise not_proven("invalid_grant")
        return signed_in
