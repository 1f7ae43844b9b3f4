"""A circuit breaker: when a server is away, requests fail at once instead of waiting for it one after the other."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

OPEN_SECONDS: Final = 1.0


class UnavailableError(Exception):
    """The operation was not begun: a server is away, too many wait, or too little time is left."""


class Breaker:
    """Opens when an operation found the server away. While it is open, every operation is refused.

    After a second the breaker is half open: one operation is tried, and the others are refused until it has ended. If
    the server answers, the breaker closes.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._tried_again_at: float | None = None

    def enter(self) -> None:
        """Begin an operation; call `succeeded` or `failed` when it has ended.

        Raises:
            UnavailableError: the server was away a moment ago.

        """
        if self._tried_again_at is None:
            return
        if self._now() < self._tried_again_at:
            raise UnavailableError("a server was away a moment ago")
        # This operation is the try. Should it never end, another one is tried a second later.
        self._tried_again_at = self._now() + OPEN_SECONDS

    def succeeded(self) -> None:
        self._tried_again_at = None

    def failed(self) -> None:
        """Open, because the server is away."""
        self._tried_again_at = self._now() + OPEN_SECONDS
