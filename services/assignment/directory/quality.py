"""Whether a new password is good enough."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from zxcvbn import zxcvbn

from services.assignment.directory.rules.password import COMMON, require_fit
from shared.breaker import UnavailableError
from shared.office.refusal import FieldCode, invalid
from shared.office.words import folded

SHORTEST: Final = 10
LEAST_SCORE: Final = 2
"""Of 0 to 4, by zxcvbn: a million guesses or more. Sign-in lets nobody make so many, and a hash costs much to try."""
_MOST_LOOKED_AT: Final = 72
"""How many characters zxcvbn takes; it raises an error for more."""
_MOST_WAITING: Final = 50
"""One password takes up to a tenth of a second."""


class PasswordQuality:
    """Judges new passwords; a password that exists already is never judged again.

    zxcvbn is slow and keeps the words of the last call in its module, so one thread asks it, one password at a time.
    """

    def __init__(self, shortest: int = SHORTEST) -> None:
        self._shortest = shortest
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password quality")
        self._waiting = 0

    def require_fit(self, field: str, password: str, username: str) -> None:
        """Refuse what can be seen at once; raises as the rule of the same name does."""
        require_fit(field, password, username, self._shortest)

    async def require_hard_to_guess(self, field: str, password: str, username: str) -> None:
        """Refuse a password that is common elsewhere, or that few guesses would find.

        Raises:
            Refusal: validation.
            UnavailableError: too many passwords wait to be judged.

        """
        if fault := await self._in_turn(password, username):
            raise invalid(field, fault)

    async def _in_turn(self, password: str, username: str) -> FieldCode | None:
        if self._waiting >= _MOST_WAITING:
            raise UnavailableError("too many passwords wait to be judged")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, fault_of, password, username)
        finally:
            self._waiting -= 1


def fault_of(password: str, username: str) -> FieldCode | None:
    """Return what is wrong with a password by the words, rows and patterns that zxcvbn knows; None if nothing is."""
    known = [*username.split("."), *COMMON]
    found = zxcvbn(folded(password)[:_MOST_LOOKED_AT], user_inputs=known)
    if found["score"] >= LEAST_SCORE:
        return None
    is_one_word = [match["pattern"] for match in found["sequence"]] == ["dictionary"]
    return FieldCode.COMMON_PASSWORD if is_one_word else FieldCode.EASY_PASSWORD
