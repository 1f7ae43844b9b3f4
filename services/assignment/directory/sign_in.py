"""Signing in, and changing the own password."""

from __future__ import annotations

from services.assignment.directory.attempts import Attempts
from services.assignment.directory.passwords import Passwords, secret_matches
from services.assignment.directory.rules.account import Account
from services.assignment.directory.store import DirectoryStore
from shared.office.refusal import Code, FieldCode, Refusal, invalid


class SignIn:
    """Verifies passwords and secrets.

    A wrong password, an unknown username and a disabled account give the same answer after the same work, so that
    nobody can find out which usernames exist.
    """

    def __init__(self, store: DirectoryStore, passwords: Passwords, attempts: Attempts) -> None:
        self._store = store
        self._passwords = passwords
        self._attempts = attempts

    async def person(self, username: str, password: str, address: str) -> Account:
        """Return the account of a person who knows its password.

        Raises:
            Refusal: not-authenticated.
            TooManyFailuresError: the password was not looked at.

        """
        return _require_proven(
            await self._attempts.attempt(username, address, lambda: self._by_password(username, password))
        )

    async def program(self, username: str, secret: str, address: str) -> Account:
        """Return the account of a program that knows its secret; raises as `person` does."""
        return _require_proven(
            await self._attempts.attempt(username, address, lambda: self._by_secret(username, secret))
        )

    async def change_password(self, username: str, current: str, new: str, address: str) -> None:
        """Replace a person's own password.

        Raises:
            Refusal: the current password is wrong.
            TooManyFailuresError: the current password was not looked at.

        """
        proven = await self._attempts.attempt(username, address, lambda: self._by_password(username, current))
        if proven is None:
            raise invalid("current_password", FieldCode.WRONG_PASSWORD)
        await self._store.set_password(username, await self._passwords.hash(new))

    async def _by_password(self, username: str, password: str) -> Account | None:
        known = await self._store.credentials(username)
        stored = known.password if known else None
        if not await self._passwords.matches(stored, password) or known is None or known.account.disabled:
            return None
        if stored is not None and self._passwords.is_outdated(stored):
            await self._store.replace_password(username, stored, await self._passwords.hash(password))
        return known.account

    async def _by_secret(self, username: str, secret: str) -> Account | None:
        known = await self._store.credentials(username)
        matches = secret_matches(known.secret if known else None, secret)
        return known.account if known is not None and matches and not known.account.disabled else None


def _require_proven(account: Account | None) -> Account:
    if account is None:
        raise Refusal(Code.NOT_AUTHENTICATED)
    return account
