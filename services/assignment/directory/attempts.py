"""Failed attempts to prove who one is: after too many, the next ones wait."""

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
    """Nothing is looked at for this account from this address for `seconds` more."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """How many failures are borne, as `limits` writes it (`10 per 5 minute`).

    `account` counts one username from one address, so that nobody locks another out from afar; `address` counts
    all usernames tried from one address.
    """

    account: str
    address: str


class Attempts:
    """Counts failures only: who knows the password is never held up by having signed in often."""

    def __init__(self, limits: FailureLimits) -> None:
        self._account = parse(limits.account)
        self._address = parse(limits.address)
        self._counted = FixedWindowRateLimiter(MemoryStorage())
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def attempt(self, username: str, address: str, prove: Callable[[], Awaitable[Proof | None]]) -> Proof | None:
        """Return what `prove` returns; nothing counts as a failure.

        Few run at once, so that a burst cannot pass the check before its first failures are counted.

        Raises:
            TooManyFailuresError: before anything is looked at.

        """
        counters = [(self._account, (username[:_LONGEST_KEY], address)), (self._address, (address,))]
        async with self._slots:
            for limit, names in counters:
                self._check(limit, names)
            proof = await prove()
            if proof is None:
                for limit, names in counters:
                    self._counted.hit(limit, *names)
            return proof

    def _check(self, limit: RateLimitItem, names: tuple[str, ...]) -> None:
        if not self._counted.test(limit, *names):
            ends_at = self._counted.get_window_stats(limit, *names).reset_time
            raise TooManyFailuresError(max(1, math.ceil(ends_at - true_now().timestamp())))
