"""`/v1/me`: the caller's own account."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from services.assignment.directory.api.accounts import AccountAnswer
from services.assignment.directory.api.bodies import CurrentPassword, NewPassword
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.password_changes import PasswordChanges
from shared.office.refusal import Code
from shared.web.address import address_of
from shared.web.auth import Caller
from shared.web.conditions import etag
from shared.web.fields import Body
from shared.web.password_change import before_password_change
from shared.web.problems import problem_responses
from shared.web.route import api_router


class PasswordChange(Body):
    """A new password, and the current one, which proves that the owner of the account sets it."""

    current_password: CurrentPassword
    new_password: NewPassword


class OwnAccountAnswer(AccountAnswer):
    """The caller's own account."""

    must_change_password: bool


def me_router(handlers: DirectoryHandlers, changes: PasswordChanges, gateways: int) -> APIRouter:
    router = api_router("/v1/me", ["me"])

    @router.get("")
    @before_password_change
    async def read_me(caller: Caller, response: Response) -> OwnAccountAnswer:
        account = await handlers.own_account(caller)
        response.headers["ETag"] = etag(account.version)
        return OwnAccountAnswer.model_validate(account)

    @router.post("/password", status_code=HTTPStatus.NO_CONTENT, responses=problem_responses(Code.RATE_LIMITED))
    @before_password_change
    async def change_my_password(caller: Caller, body: PasswordChange, request: Request) -> None:
        """Change one's own password. Every session and token ends, also the one of this request: sign in again."""
        current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
        await changes.change_own(caller.username, current, new, address_of(request, gateways))

    return router
