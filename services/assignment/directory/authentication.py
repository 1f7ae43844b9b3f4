"""Who calls assignment: the token gives the username, the account gives the current role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request

from services.assignment.directory.lookups import Lookups
from services.assignment.directory.rules.account import Account
from shared.clock import true_now
from shared.office.access import Principal
from shared.web.auth import Authenticator, VerifiedToken, Verifier, bearer_token, unauthenticated


def by_account(verifier: Verifier, lookups: Lookups, now: Callable[[], datetime] = true_now) -> Authenticator:
    """Look up the account at every request, and the session of a token that has one.

    So a disabled account, a changed role, a new password and a session that was ended take effect at once.
    """

    async def authenticate(request: Request) -> Principal:
        token = verifier.verified(bearer_token(request))
        account = await _holder(token, lookups, now)
        if account is None or account.disabled or account.tokens_from != token.generation:
            raise unauthenticated()
        request.state.session = token.session
        return account.principal

    return authenticate


async def _holder(token: VerifiedToken, lookups: Lookups, now: Callable[[], datetime]) -> Account | None:
    """Return the account that the token names; None if its session has ended."""
    username = token.principal.username
    if token.session is None:
        return await lookups.account(username)
    account, session = await asyncio.gather(lookups.account(username), lookups.session(token.session))
    return account if session is not None and session.is_alive(account, now()) else None
