"""Passwords of people and secrets of programs: made, hashed and compared."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from services.assignment.directory.quality import SHORTEST, PasswordQuality
from shared.web.normalisation import TooManyMarksError, normalise

AT_ONCE: Final = 2
"""How many passwords are hashed or compared at the same time."""


class Passwords:
    """Argon2id in a few threads of its own, so that many sign-ins at once do not stop the service.

    A caller that is cancelled leaves its thread busy until the hash is done. With threads of its own, no more than a
    few hashes run even then.

    `memory_kib` and `passes` are the cost of one hash; the defaults are OWASP's (19 MiB, 2 passes, 1 lane). `quality`
    judges new passwords, of which the shortest has `shortest` characters.
    """

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2, shortest: int = SHORTEST) -> None:
        self.quality = PasswordQuality(shortest)
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._dummy_hash = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Hash a password.

        Raises:
            TooManyMarksError: more combining marks on one letter than any keyboard writes.

        """
        content = normalise(password).encode()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, content)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one. Without a stored one the same work is done, and the answer is no."""
        against, content = stored or self._dummy_hash, _to_compare(password)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._verifies, against, content) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made at another cost than the current one."""
        return self._hasher.check_needs_rehash(stored)

    def _verifies(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False


def new_secret() -> str:
    """Return a new secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Hash a program's secret.

    A slow hash protects a password, which an attacker can guess. 256 random bits cannot be guessed at any speed, so a
    fast hash is enough, and a program may sign in often.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(stored: str | None, secret: str) -> bool:
    """Whether the secret is the stored one, compared in constant time."""
    return hmac.compare_digest(stored or "", hash_secret(secret))


def is_same(one: str, other: str) -> bool:
    """Whether two passwords are one, in whatever form their letters were sent."""
    return _to_compare(one) == _to_compare(other)


def _to_compare(password: str) -> bytes:
    """Return the bytes to compare; no bytes for a text that cannot be a password, which match no stored password."""
    try:
        return normalise(password).encode()
    except TooManyMarksError:
        return b""
