"""Who calls assignment: the token gives the username, the account gives the current role."""

from __future__ import annotations

from starlette.requests import Request

from services.assignment.directory.lookups import Lookups
from shared.office.access import Principal
from shared.web.auth import Authenticator, Verifier, bearer_token, unauthenticated


def by_account(verifier: Verifier, lookups: Lookups) -> Authenticator:
    """Look up the account at every request, so that a disabled account or a changed role takes effect at once."""

    async def authenticate(request: Request) -> Principal:
        named = verifier.verify(bearer_token(request))
        account = await lookups.account(named.username)
        if account is None or account.disabled:
            raise unauthenticated()
        return account.principal

    return authenticate
