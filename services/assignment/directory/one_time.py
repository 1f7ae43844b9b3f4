"""One-time passwords: made by an administrator for a person, who must change them before anything else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.assignment.directory.passwords import Passwords
from services.assignment.directory.store import DirectoryStore
from shared.clock import Clock

_CHARACTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are read for one another: `0` and `o`, `1`, `l` and `i`."""
_GROUPS: Final = 4
_OF_A_GROUP: Final = 4


def new_one_time_password() -> str:
    """Return a password that is easy to read out and to type, `7kqm-x2wd-9npa-vt4h`: 79 random bits."""
    groups = ("".join(secrets.choice(_CHARACTERS) for _ in range(_OF_A_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """A password as it is shown, once."""

    username: str
    password: str
    expires_at: datetime


class OneTimePasswords:
    """Gives one-time passwords, which are valid for `lifetime`."""

    def __init__(self, store: DirectoryStore, clock: Clock, passwords: Passwords, lifetime: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._lifetime = lifetime

    def expires_at(self) -> datetime:
        """Return when a one-time password that is given now expires."""
        return self._clock.now() + self._lifetime

    async def give(self, username: str, password: str | None = None) -> OneTimePassword:
        """Replace the password of a person by a one-time password, which is made if none is given."""
        given = OneTimePassword(username, password or new_one_time_password(), self.expires_at())
        hashed = await self._passwords.hash(given.password)
        await self._store.set_password(username, hashed, one_time_until=given.expires_at)
        return given
