"""The quiet time that must pass before anything is announced, after a start or an outage of the broker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic


class QuietTime:
    """Whether deadline has surely learned what people did while it could not hear of it.

    The time begins when the queue is found empty: what waited when the connection came back has been taken then. It
    begins anew while events arrive that were recorded longer ago than the time lasts: the others still publish what
    they could not publish before. It ends at a look that finds the queue empty.

    Events that were recorded just now do not disturb it, so under a steady load it ends as on a quiet night. Once it is
    over, it stays over until `begin_anew`. `timer` gives seconds.
    """

    def __init__(self, seconds: float, *, timer: Callable[[], float] = monotonic) -> None:
        self._lasts = timedelta(seconds=seconds)
        self._timer = timer
        self._since: float | None = None
        self.is_over = False

    def begin_anew(self) -> None:
        """Wait again: the broker is away, or deadline cannot take in what it hears."""
        self._since, self.is_over = None, False

    def arrived(self, age: timedelta) -> None:
        """Notice an event that was recorded so long ago."""
        if age > self._lasts:
            self._since = None

    def found(self, waiting: int) -> None:
        """Notice how many messages wait in the queue."""
        if waiting or self.is_over:
            return
        now = self._timer()
        self._since = now if self._since is None else self._since
        self.is_over = now - self._since >= self._lasts.total_seconds()
