"""Signing in, and changing the own password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from services.assignment.directory.attempt_queue import AttemptQueue
from services.assignment.directory.attempts import Attempts
from services.assignment.directory.lookups import Lookups
from services.assignment.directory.passwords import AT_ONCE, Passwords, secret_matches
from services.assignment.directory.rules.account import LONGEST_USERNAME, Account
from services.assignment.directory.store import Credentials, DirectoryStore
from shared.office.refusal import FieldCode, invalid

_MOST_PEOPLE: Final = 100
"""A password takes some 25 ms on each of two cores, so the last of these waits a little over a second."""
_MOST_PROGRAMS: Final = 100
_PROGRAMS_AT_ONCE: Final = 8

Prove = Callable[[Credentials | None], Awaitable[Account | None]]


class SignIn:
    """Verifies passwords and secrets.

    A wrong password, an unknown username and a disabled account give the same answer after the same work, so that
    nobody can find out which usernames exist. People and programs have a queue each: a password takes many times as
    long as a secret.
    """

    def __init__(self, store: DirectoryStore, lookups: Lookups, passwords: Passwords, attempts: Attempts) -> None:
        self._store = store
        self._lookups = lookups
        self._passwords = passwords
        self._attempts = attempts
        self._people = AttemptQueue("people", at_once=AT_ONCE, most=_MOST_PEOPLE)
        self._programs = AttemptQueue("programs", at_once=_PROGRAMS_AT_ONCE, most=_MOST_PROGRAMS)

    async def person(self, username: str, password: str, address: str) -> Account | None:
        """Return the account of a person who knows its password; None if it is not proven.

        Raises:
            HttpRefusal: the password was not looked at.

        """
        return await self._proven(self._people, username, address, lambda known: self._by_password(known, password))

    async def program(self, username: str, secret: str, address: str) -> Account | None:
        """Return the account of a program that knows its secret; otherwise as `person` does."""
        return await self._proven(self._programs, username, address, lambda known: _by_secret(known, secret))

    async def change_password(self, username: str, current: str, new: str, address: str) -> None:
        """Replace a person's own password.

        Raises:
            Refusal: the current password is wrong.
            HttpRefusal: the current password was not looked at.

        """
        if await self.person(username, current, address) is None:
            raise invalid("current_password", FieldCode.WRONG_PASSWORD)
        await self._store.set_password(username, await self._passwords.hash(new))

    async def _proven(self, queue: AttemptQueue, username: str, address: str, prove: Prove) -> Account | None:
        if len(username) > LONGEST_USERNAME:  # nobody has such a name, and it would be kept among the failures
            return None
        return await self._attempts.attempt(
            queue, username, address, lambda: self._lookups.credentials(username), prove
        )

    async def _by_password(self, known: Credentials | None, password: str) -> Account | None:
        stored = known.password if known else None
        if not await self._passwords.matches(stored, password) or known is None or known.account.disabled:
            return None
        if stored is not None and self._passwords.is_outdated(stored):
            renewed = await self._passwords.hash(password)
            await self._store.replace_password(known.account.username, stored, renewed)
        return known.account


async def _by_secret(known: Credentials | None, secret: str) -> Account | None:
    matches = secret_matches(known.secret if known else None, secret)
    return known.account if known is not None and matches and not known.account.disabled else None
