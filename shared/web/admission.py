"""Admission: how many requests a service works on at the same time, and how many one caller may send a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from time import monotonic
from typing import Final

from starlette.types import Scope

from shared.breaker import UnavailableError
from shared.metrics import REQUESTS_REFUSED
from shared.office.refusal import Code
from shared.web.http_refusal import HttpRefusal

_WINDOW_SECONDS: Final = 60.0
_SLOT: Final = "dondoc.slot"


class Slots:
    """The requests of one kind that are worked on at the same time."""

    def __init__(self, service: str, most: int) -> None:
        self._most = most
        self._taken = 0
        self._refused = REQUESTS_REFUSED.labels(service, "overload")

    def take(self) -> bool:
        """Take a slot if one is free, and return whether it was."""
        if self._taken >= self._most:
            self._refused.inc()
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        self._taken -= 1


class Slot:
    """The slot of one request; a request whose body is still on its way has none.

    What comes above the capacity of a service cannot be answered in time. Refused at once, it costs little, and the
    others are answered as fast as before.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._is_taken = False

    def take(self) -> bool:
        """Take a slot if one is free, and return whether it was."""
        self._is_taken = self._slots.take()
        return self._is_taken

    def give_back(self) -> None:
        """Give the slot back, if there is one."""
        if self._is_taken:
            self._is_taken = False
            self._slots.give_back()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let other requests have the slot while this block waits for the client.

        Raises:
            UnavailableError: at the end of the block no slot was free.

        """
        self.give_back()
        yield
        if not self.take():
            raise UnavailableError("no slot is free")


def slot_of(scope: Scope) -> Slot | None:
    """Return the slot of a request; None where nothing admits, as in a test of a part."""
    slot: Slot | None = scope.get(_SLOT)
    return slot


def keep_slot(scope: Scope, slot: Slot) -> None:
    scope[_SLOT] = slot


class RateLimit:
    """At most `most` requests a minute for each key. The count begins anew every minute.

    The library `limits` is not used here: its storage in memory walks all keys a hundred times a second.
    """

    def __init__(self, service: str, most: int, now: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._now = now
        self._ends_at = float("-inf")
        self._counts: Counter[str] = Counter()
        self._refused = REQUESTS_REFUSED.labels(service, "rate")

    def count(self, key: str) -> None:
        """Count a request.

        Raises:
            HttpRefusal: rate-limited, with the seconds until the next minute begins.

        """
        now = self._now()
        if now >= self._ends_at:
            self._ends_at = now + _WINDOW_SECONDS
            self._counts.clear()
        self._counts[key] += 1
        if self._counts[key] > self._most:
            self._refused.inc()
            raise HttpRefusal(Code.RATE_LIMITED, headers={"Retry-After": str(ceil(self._ends_at - now))})
