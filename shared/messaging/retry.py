"""What is to become of a message that could not be handled: its failures travel with it in headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

HEADER_PREFIX: Final = "dondoc-"
_FAILURES: Final = "dondoc-failures"
_FIRST_FAILED_AT: Final = "dondoc-first-failed-at"
_FAILED_AT: Final = "dondoc-failed-at"
_ERROR: Final = "dondoc-error"
# Another name than the one that is read, so that a dead letter an operator replays begins anew.
_ATTEMPTS: Final = "dondoc-attempts"
_ERROR_LENGTH: Final = 1_000


class RetryLater(Exception):  # noqa: N818 - it says what to do; nothing went wrong
    """Raised by a handler for which an event came too early; it counts like any failure."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a message has failed, since when, and how last."""

    count: int = 0
    first_failed_at: str | None = None
    failed_at: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> Failures:
        """Read what a message brings with it; what is not ours counts as nothing."""
        count, first = headers.get(_FAILURES), headers.get(_FIRST_FAILED_AT)
        if not isinstance(count, int) or count < 1 or not isinstance(first, str):
            return cls()
        return cls(count, first)

    def and_then(self, error: BaseException, now: datetime) -> Failures:
        """Add a failure."""
        moment = now.isoformat()
        return replace(
            self,
            count=self.count + 1,
            first_failed_at=self.first_failed_at or moment,
            failed_at=moment,
            error=_in_words(error),
        )

    def headers(self) -> dict[str, Any]:
        """Write what goes along to the next attempt."""
        return {_FAILURES: self.count, **self._story()}

    def headers_of_the_dead(self) -> dict[str, Any]:
        """Write what an operator wants to know."""
        return {_ATTEMPTS: self.count, **self._story()}

    def _story(self) -> dict[str, Any]:
        return {_FIRST_FAILED_AT: self.first_failed_at, _FAILED_AT: self.failed_at, _ERROR: self.error}


@dataclass(frozen=True, slots=True)
class FinalFailure:
    """What a dead letter says of its end; nothing of what is not known."""

    attempts: int | None = None
    first_failed_at: str | None = None
    failed_at: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> FinalFailure:
        """Read what `headers_of_the_dead` wrote or, of a message that the broker gave up, what the broker did."""
        if "x-first-death-reason" in headers and _ERROR not in headers:
            return cls(failed_at=_first_death(headers), error=str(headers["x-first-death-reason"]))
        texts = {name: value for name, value in headers.items() if isinstance(value, str)}
        attempts = headers.get(_ATTEMPTS)
        return cls(
            attempts if isinstance(attempts, int) else None,
            texts.get(_FIRST_FAILED_AT),
            texts.get(_FAILED_AT),
            texts.get(_ERROR),
        )


def _first_death(headers: Mapping[str, Any]) -> str | None:
    """Return when the broker first moved a message for its own reasons."""
    deaths = headers.get("x-death")
    told = [death.get("time") for death in deaths if isinstance(death, Mapping)] if isinstance(deaths, list) else []
    moments = [moment for moment in told if isinstance(moment, datetime)]
    return min(moments).isoformat() if moments else None


def _in_words(error: BaseException) -> str:
    """Write what went wrong as a header can carry it, whatever characters it names."""
    words = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]
    return words.encode("utf-8", "backslashreplace").decode()


def next_delay(failures: Failures, retry_delays: Sequence[float]) -> float | None:
    """Return the seconds until the next attempt; None when the last of them has been used."""
    return retry_delays[failures.count - 1] if failures.count <= len(retry_delays) else None
