"""`/v1/me`: one's own account."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from services.assignment.directory.api import Address, TheDirectory, TheSignIn
from services.assignment.directory.api.accounts import AccountAnswer
from services.assignment.directory.api.bodies import NewPassword, PresentPassword
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.conditions import etag
from shared.web.fields import Body
from shared.web.problems import problem_responses
from shared.web.route import api_router

router = api_router("/v1/me", ["me"])


class PasswordChange(Body):
    """A new password, and the present one as the proof that it is its owner who sets it."""

    current_password: PresentPassword
    new_password: NewPassword


@router.get("")
async def read_me(caller: Caller, directory: TheDirectory, response: Response) -> AccountAnswer:
    account = await directory.own_account(caller)
    response.headers["ETag"] = etag(account.version)
    return AccountAnswer.model_validate(account)


@router.post("/password", status_code=HTTPStatus.NO_CONTENT, responses=problem_responses(Code.RATE_LIMITED))
async def change_my_password(caller: Caller, body: PasswordChange, sign_in: TheSignIn, address: Address) -> None:
    present, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    await sign_in.change_password(caller.username, present, new, address)
