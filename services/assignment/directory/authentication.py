"""Who calls assignment: the token says who, the account says what they are now."""

from __future__ import annotations

from starlette.requests import Request

from services.assignment.directory.lookups import Lookups
from shared.office.access import Principal
from shared.web.auth import Authenticator, Verifier, bearer_token, unauthenticated


def by_account(verifier: Verifier, lookups: Lookups) -> Authenticator:
    """Look the account up at each request: who was disabled is out at once, and the role held now is what counts."""

    async def authenticate(request: Request) -> Principal:
        named = verifier.verify(bearer_token(request))
        account = await lookups.account(named.username)
        if account is None or account.disabled:
            raise unauthenticated()
        return account.principal

    return authenticate
