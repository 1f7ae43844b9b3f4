"""`/v1/accounts`: the administrator creates and changes; others see all accounts, those of their agency, or none."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from annotated_types import Len
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, field_serializer

from services.assignment.directory.api import NOT_STORED
from services.assignment.directory.api.bodies import Email, NewPassword, NewUsername, UsernameInPath, unchanged
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.one_time import OneTimePasswords
from services.assignment.directory.password_changes import PasswordChanges
from services.assignment.directory.rules.account import Account
from shared.events.envelope import Moment
from shared.office.refusal import Code
from shared.office.vocabulary import Role, Scope
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.conditions import IfMatch, etag
from shared.web.fields import AgencyCode, Body, Maybe, Name, StrictBool
from shared.web.pages import DEFAULT_LIMIT, CursorText, Limit, Page, Position, read_cursor, split_page
from shared.web.problems import problem_responses
from shared.web.route import api_router

Scopes = Annotated[list[Scope], Len(max_length=20)]


class NewAccount(Body):
    """A new account; its username never changes."""

    username: NewUsername
    display_name: Name
    role: Role
    password: NewPassword | None = None
    one_time: StrictBool = Field(default=False, description="The password must be changed at the first sign-in.")
    agency: Maybe[AgencyCode] = None
    position: Maybe[Name] = None
    email: Maybe[Email] = None
    scopes: Scopes = Field(default_factory=list)


class AccountChange(Body):
    """The fields to change: a field left out stays as it is, and null clears an optional field."""

    display_name: Name = unchanged()
    role: Role = unchanged()
    agency: Maybe[AgencyCode] = unchanged()
    position: Maybe[Name] = unchanged()
    email: Maybe[Email] = unchanged()
    scopes: Scopes = unchanged()
    disabled: StrictBool = unchanged()


class AccountAnswer(BaseModel):
    """An account, without its password or secret; its `version` is also the `ETag`."""

    model_config = ConfigDict(from_attributes=True)

    username: str
    display_name: str
    role: Role
    agency: str | None
    position: str | None
    email: str | None
    scopes: frozenset[Scope]
    disabled: bool
    version: int

    @field_serializer("scopes")
    def _in_order(self, scopes: frozenset[Scope]) -> list[Scope]:
        return sorted(scopes)


class SecretAnswer(BaseModel):
    """A program's new secret, shown only this once; its `username` is its `client_id`."""

    username: str
    secret: str


class PasswordReset(Body):
    """A one-time password; without one the service makes it."""

    password: NewPassword | None = None


class OneTimePasswordAnswer(BaseModel):
    """A person's one-time password, shown only this once."""

    model_config = ConfigDict(from_attributes=True)

    username: str
    password: str
    expires_at: Moment


def accounts_router(handlers: DirectoryHandlers, changes: PasswordChanges, one_time: OneTimePasswords) -> APIRouter:
    router = api_router("/v1/accounts", ["accounts"])

    @router.post(
        "", status_code=HTTPStatus.CREATED, responses=problem_responses(Code.NOT_PERMITTED, Code.ALREADY_EXISTS)
    )
    async def create_account(caller: Caller, body: NewAccount, response: Response) -> AccountAnswer:
        fields = _fields(body.model_dump(exclude={"password", "one_time"}))
        account = Account(**fields, one_time_until=one_time.expires_at() if body.one_time else None)
        password = body.password.get_secret_value() if body.password is not None else None
        created = await handlers.create_account(caller, account, password)
        response.headers["Location"] = f"/v1/accounts/{quote(created.username)}"
        return _answer(created, response)

    @router.get("", response_model=Page[AccountAnswer], responses=problem_responses(Code.NOT_PERMITTED))
    async def list_accounts(
        caller: Caller,
        agency: Annotated[AgencyCode | None, Query()] = None,
        role: Role | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: CursorText = None,
    ) -> Response:
        """List the accounts within the caller's sight, by username."""
        filters = {"of": "accounts", "agency": agency, "role": role}
        position = read_cursor(cursor, filters)
        after = position.id if position else None
        found = await handlers.accounts(caller, agency=agency, role=role, after=after, limit=limit + 1)
        page, next_cursor = split_page(found, limit, filters, lambda last: Position(None, last.username))
        return as_json(Page(items=list(map(AccountAnswer.model_validate, page)), next_cursor=next_cursor))

    @router.get("/{username}", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED))
    async def read_account(caller: Caller, username: UsernameInPath, response: Response) -> AccountAnswer:
        return _answer(await handlers.account(caller, username), response)

    @router.patch("/{username}", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED, Code.VERSION_CONFLICT))
    async def change_account(
        caller: Caller, username: UsernameInPath, body: AccountChange, response: Response, if_match: IfMatch = None
    ) -> AccountAnswer:
        fields = _fields(body.model_dump(exclude_unset=True))
        return _answer(await handlers.change_account(caller, username, fields, if_match), response)

    _add_proofs(router, handlers, changes)
    return router


def _add_proofs(router: APIRouter, handlers: DirectoryHandlers, changes: PasswordChanges) -> None:
    """Add the routes by which an administrator gives an account a new secret or password."""

    @router.post("/{username}/secret", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED))
    async def make_secret(caller: Caller, username: UsernameInPath, response: Response) -> SecretAnswer:
        """Make a new secret for a program; its old secret and its tokens are no longer valid."""
        secret = await handlers.make_secret(caller, username)
        response.headers.update(NOT_STORED)
        return SecretAnswer(username=username, secret=secret)

    @router.post("/{username}/password", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED))
    async def reset_password(
        caller: Caller, username: UsernameInPath, body: PasswordReset, response: Response
    ) -> OneTimePasswordAnswer:
        """Give a person a one-time password; until it is changed, nothing else is permitted."""
        password = body.password.get_secret_value() if body.password is not None else None
        given = await changes.reset(caller, username, password)
        response.headers.update(NOT_STORED)
        return OneTimePasswordAnswer.model_validate(given)


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"scopes": frozenset(body["scopes"])} if "scopes" in body else body


def _answer(account: Account, response: Response) -> AccountAnswer:
    response.headers["ETag"] = etag(account.version)
    return AccountAnswer.model_validate(account)
