"""What proves who signs in: passwords of people, secrets of programs."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import partial
from typing import Final

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from shared.web.normalisation import TooManyMarksError, normalise

SHORTEST: Final = 8
LONGEST: Final = 128
_AT_ONCE: Final = 2


class Passwords:
    """Argon2id in a few threads of its own, so that many signing in do not stop the service.

    `memory_kib` and `passes` are the cost; the defaults are OWASP's (19 MiB, 2 passes, 1 lane).
    """

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._limiter = CapacityLimiter(_AT_ONCE)
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Hash a password.

        Raises:
            TooManyMarksError: no keyboard writes such a password.

        """
        return await to_thread.run_sync(self._hasher.hash, normalise(password).encode(), limiter=self._limiter)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one stored; where none is, the same work is done for nothing."""
        verify = partial(self._verifies, stored or self._nobodys, _claimed(password))
        return await to_thread.run_sync(verify, limiter=self._limiter) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made at another cost than the present one."""
        return self._hasher.check_needs_rehash(stored)

    def _verifies(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False


def new_secret() -> str:
    """Return 256 random bits for a program to keep."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Hash a program's secret.

    A slow hash protects what a person can remember and an attacker can guess; 256 random bits cannot be guessed
    at any speed, so the fast hash is right and signing in often costs a program nothing.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(stored: str | None, secret: str) -> bool:
    """Whether the secret is the one stored, compared in constant time."""
    return hmac.compare_digest(stored or "", hash_secret(secret))


def _claimed(password: str) -> bytes:
    """Return what to compare; in place of what nobody can have set nothing, which is nobody's password either."""
    try:
        return normalise(password).encode()
    except TooManyMarksError:
        return b""
