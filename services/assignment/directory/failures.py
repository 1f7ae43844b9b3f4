"""Failed sign-ins: how many there were lately, and how many are allowed."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, NamedTuple

from limits import RateLimitItem, parse

_MOST_KEYS: Final = 100_000


class Origin(NamedTuple):
    """Who an attempt says it is, and the network it comes from."""

    username: str
    network: str


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """How many failures are allowed, in the notation of the `limits` library (`10 per 5 minute`).

    `account` counts one username from one network, `address` all usernames from one network. What is above these is
    refused. `name` counts one username from all networks. What is above it is only held back, so that strangers can
    never lock a person out who signs in from elsewhere.
    """

    account: str
    address: str
    name: str


class Failures:
    """Counts failures only: a person who knows the password may sign in as often as they like."""

    def __init__(self, limits: FailureLimits, now: Callable[[], float] = monotonic) -> None:
        self._by_account = _Count(parse(limits.account), now)
        self._by_address = _Count(parse(limits.address), now)
        self._by_name = _Count(parse(limits.name), now)

    def add(self, origin: Origin) -> None:
        self._by_account.add(origin)
        self._by_address.add(origin.network)
        self._by_name.add(origin.username)

    def forgive(self, origin: Origin) -> None:
        """Forget the failures of one username from one network, which has proved now who it is."""
        self._by_account.forget(origin)

    def seconds_to_wait(self, origin: Origin) -> int:
        """Return for how many seconds no attempt is allowed; 0 if one is allowed now."""
        return max(self._by_account.seconds_to_wait(origin), self._by_address.seconds_to_wait(origin.network))

    def has_many(self, username: str) -> bool:
        """Whether too many attempts with this username failed lately, from wherever."""
        return self._by_name.seconds_to_wait(username) > 0


@dataclass(slots=True)
class _Window:
    ends_at: float
    failures: int = 0


class _Count:
    """Failures by key. The window of a key begins at its first failure.

    The storage in memory of the `limits` library is not used: after each hit it walks all keys, which at 60,000 of them
    and 80 failures a second takes a third of a core. Here all windows are equally long, so the oldest ends first.
    """

    def __init__(self, limit: RateLimitItem, now: Callable[[], float]) -> None:
        self._most = limit.amount
        self._seconds = limit.get_expiry()
        self._now = now
        self._windows: OrderedDict[str | Origin, _Window] = OrderedDict()

    def add(self, key: str | Origin) -> None:
        self._forget_ended()
        window = self._windows.setdefault(key, _Window(self._now() + self._seconds))
        window.failures += 1

    def forget(self, key: str | Origin) -> None:
        self._windows.pop(key, None)

    def seconds_to_wait(self, key: str | Origin) -> int:
        self._forget_ended()
        window = self._windows.get(key)
        if window is None or window.failures < self._most:
            return 0
        return math.ceil(window.ends_at - self._now())

    def _forget_ended(self) -> None:
        now = self._now()
        while self._windows and (self._oldest.ends_at <= now or len(self._windows) > _MOST_KEYS):
            self._windows.popitem(last=False)

    @property
    def _oldest(self) -> _Window:
        return next(iter(self._windows.values()))
