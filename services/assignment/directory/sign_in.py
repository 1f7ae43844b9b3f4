"""Signing in: whether somebody knows a password or a secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from services.assignment.directory.attempt_queue import AttemptQueue
from services.assignment.directory.attempts import Attempts
from services.assignment.directory.lookups import Lookups
from services.assignment.directory.passwords import AT_ONCE, Passwords, secret_matches
from services.assignment.directory.rules.account import LONGEST_USERNAME, Account, folded_username
from services.assignment.directory.sign_in_log import Attempted, Why, done, failed, held_up
from services.assignment.directory.store import Credentials, DirectoryStore
from shared.clock import Clock
from shared.web.http_refusal import HttpRefusal

_MOST_PEOPLE: Final = 100
"""A password takes some 25 ms on each of two cores, so the last of these waits a little over a second."""
_MOST_PROGRAMS: Final = 100
_PROGRAMS_AT_ONCE: Final = 8

WhyNot = Callable[[Credentials | None], Awaitable[Why | None]]
"""Returns why the credentials are not proven; None if they are."""


class SignIn:
    """Verifies passwords and secrets.

    A wrong password, an unknown username and a disabled account give the same answer after the same work, so that
    nobody can find out which usernames exist. People and programs have a queue each: a password takes many times as
    long as a secret. Sign-ins and changes of a password count their failures apart: `attempts` has both.
    """

    def __init__(
        self,
        store: DirectoryStore,
        lookups: Lookups,
        passwords: Passwords,
        attempts: Mapping[Attempted, Attempts],
        clock: Clock,
    ) -> None:
        self._store = store
        self._lookups = lookups
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock
        self._people = AttemptQueue("people", at_once=AT_ONCE, most=_MOST_PEOPLE)
        self._programs = AttemptQueue("programs", at_once=_PROGRAMS_AT_ONCE, most=_MOST_PROGRAMS)

    async def person(self, username: str, password: str, address: str) -> Account | None:
        """Return the account of a person who knows its password; None if it is not proven.

        Raises:
            HttpRefusal: the password was not looked at.

        """
        account = await self._person(Attempted.SIGN_IN, username, password, address)
        if account is not None:
            done(Attempted.SIGN_IN, account.username)
        return account

    async def program(self, username: str, secret: str, address: str) -> Account | None:
        """Return the account of a program that knows its secret; otherwise as `person` does."""
        attempted = Attempted.SIGN_IN
        account = await self._proven(
            attempted, self._programs, username, address, lambda known: _why_not_secret(known, secret)
        )
        if account is not None:
            done(attempted, account.username)
        return account

    async def owner(self, username: str, password: str, address: str) -> Account | None:
        """Return the account whose password is to be changed, if the current one is known; raises as `person` does."""
        return await self._person(Attempted.PASSWORD_CHANGE, username, password, address)

    async def _person(self, attempted: Attempted, username: str, password: str, address: str) -> Account | None:
        return await self._proven(
            attempted, self._people, username, address, lambda known: self._why_not_password(known, password)
        )

    async def _proven(
        self, attempted: Attempted, queue: AttemptQueue, username: str, address: str, why_not: WhyNot
    ) -> Account | None:
        name = folded_username(username)

        async def prove(known: Credentials | None) -> Account | None:
            why = await why_not(known)
            if known is not None and why is None:
                return known.account
            failed(attempted, name, why or Why.NO_ACCOUNT)
            return None

        if len(name) > LONGEST_USERNAME:  # nobody has such a name, and it would be kept among the failures
            failed(attempted, name, Why.NO_ACCOUNT)
            return None
        try:
            return await self._attempts[attempted].attempt(
                queue, name, address, lambda: self._lookups.credentials(name), prove
            )
        except HttpRefusal as refusal:
            held_up(attempted, name, refusal.code)
            raise

    async def _why_not_password(self, known: Credentials | None, password: str) -> Why | None:
        stored = known.password if known else None
        matches = await self._passwords.matches(stored, password)
        why = _why_not(known, is_proven=matches) or self._why_expired(known)
        if why is None and known is not None and stored is not None and self._passwords.is_outdated(stored):
            renewed = await self._passwords.hash(password)
            await self._store.replace_password(known.account.username, stored, renewed)
        return why

    def _why_expired(self, known: Credentials | None) -> Why | None:
        until = known.account.one_time_until if known else None
        return Why.EXPIRED if until is not None and until <= self._clock.now() else None


async def _why_not_secret(known: Credentials | None, secret: str) -> Why | None:
    return _why_not(known, is_proven=secret_matches(known.secret if known else None, secret))


def _why_not(known: Credentials | None, *, is_proven: bool) -> Why | None:
    if known is None:
        return Why.NO_ACCOUNT
    if not is_proven:
        return Why.WRONG_PROOF
    return Why.DISABLED if known.account.disabled else None
