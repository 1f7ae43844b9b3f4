"""The quiet time that must pass before anything is announced, after a start or an outage of the broker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic


class QuietTime:
    """Whether deadline has surely learned what people did while it could not hear of it.

    The time begins when the queue is found empty: what waited when the connection came back has been taken then. It
    begins anew with each event that was recorded before the connection came back: the others still publish what they
    could not publish before. It ends at a look that finds the queue empty.

    Events that were recorded since then do not disturb it, so under a steady load it ends as on a quiet night. Once it
    is over, it stays over until `begin_anew`. `timer` gives seconds.
    """

    def __init__(self, seconds: float, *, timer: Callable[[], float] = monotonic) -> None:
        self._lasts = seconds
        self._timer = timer
        self.begin_anew()

    def begin_anew(self) -> None:
        """Wait again: until now the broker was away, or deadline could not take in what it heard."""
        self._heard_from = self._timer()
        self._since: float | None = None
        self.is_over = False

    def arrived(self, age: timedelta) -> None:
        """Notice an event that was recorded so long ago."""
        if age.total_seconds() > self._timer() - self._heard_from:
            self._since = None

    def found(self, waiting: int) -> None:
        """Notice how many messages wait in the queue."""
        if waiting or self.is_over:
            return
        now = self._timer()
        self._since = now if self._since is None else self._since
        self.is_over = now - self._since >= self._lasts
