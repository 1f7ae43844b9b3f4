"""Limits on failed sign-ins: after too many failures, further attempts must wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from shared.clock import true_now

_AT_ONCE: Final = 2
_LONGEST_KEY: Final = 64

Proof = TypeVar("Proof")


class TooManyFailuresError(Exception):
    """No attempt is made for this account from this address for another `seconds` seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """How many failures are allowed, in the notation of the `limits` library (`10 per 5 minute`).

    `account` counts one username from one address, so that nobody can lock out a person who signs in from elsewhere.
    `address` counts all usernames tried from one address.
    """

    account: str
    address: str


class Attempts:
    """Counts failures only: a person who knows the password may sign in as often as they like."""

    def __init__(self, limits: FailureLimits) -> None:
        self._account = parse(limits.account)
        self._address = parse(limits.address)
        self._counted = FixedWindowRateLimiter(MemoryStorage())
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def attempt(self, username: str, address: str, prove: Callable[[], Awaitable[Proof | None]]) -> Proof | None:
        """Return what `prove` returns; None counts as a failure.

        Only a few attempts run at the same time. Else a burst would pass the limit before its first failures count.

        Raises:
            TooManyFailuresError: the limit is reached; `prove` was not called.

        """
        counters = [(self._account, (username[:_LONGEST_KEY], address)), (self._address, (address,))]
        async with self._slots:
            for limit, names in counters:
                self._require_attempts_left(limit, names)
            proof = await prove()
            if proof is None:
                for limit, names in counters:
                    self._counted.hit(limit, *names)
            return proof

    def _require_attempts_left(self, limit: RateLimitItem, names: tuple[str, ...]) -> None:
        if not self._counted.test(limit, *names):
            ends_at = self._counted.get_window_stats(limit, *names).reset_time
            raise TooManyFailuresError(max(1, math.ceil(ends_at - true_now().timestamp())))
