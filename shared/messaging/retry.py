"""The failures of a message, which travel in its headers, and the delay before its next attempt."""

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
# A dead letter has its count under another name, so that it starts with no failures when it is replayed.
_ATTEMPTS: Final = "dondoc-attempts"
_ERROR_LENGTH: Final = 1_000


class RetryLater(Exception):  # noqa: N818 - the name says what to do; nothing is wrong
    """A handler raises this when an event came too early. It counts as a failure."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a message has failed, when first and last, and with which error."""

    count: int = 0
    first_failed_at: str | None = None
    failed_at: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> Failures:
        """Read the failures from the headers of a message. Headers that are not ours count as no failure."""
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
            error=_error_text(error),
        )

    def headers(self) -> dict[str, Any]:
        """Return the headers for the next attempt."""
        return {_FAILURES: self.count, **self._details()}

    def dead_letter_headers(self) -> dict[str, Any]:
        """Return the headers of a dead letter, for an operator to read."""
        return {_ATTEMPTS: self.count, **self._details()}

    def _details(self) -> dict[str, Any]:
        return {_FIRST_FAILED_AT: self.first_failed_at, _FAILED_AT: self.failed_at, _ERROR: self.error}


@dataclass(frozen=True, slots=True)
class FinalFailure:
    """Why a message became a dead letter. What is not known is None."""

    attempts: int | None = None
    first_failed_at: str | None = None
    failed_at: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> FinalFailure:
        """Read the headers of `dead_letter_headers`, or the broker's own if the broker dead-lettered the message."""
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
    """Return when the broker itself first dead-lettered the message."""
    deaths = headers.get("x-death")
    told = [death.get("time") for death in deaths if isinstance(death, Mapping)] if isinstance(deaths, list) else []
    moments = [moment for moment in told if isinstance(moment, datetime)]
    return min(moments).isoformat() if moments else None


def _error_text(error: BaseException) -> str:
    """Return the error as a text that a header can carry, whatever characters it has."""
    words = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]
    return words.encode("utf-8", "backslashreplace").decode()


def next_delay(failures: Failures, retry_delays: Sequence[float]) -> float | None:
    """Return the seconds until the next attempt, or None after the last delay."""
    return retry_delays[failures.count - 1] if failures.count <= len(retry_delays) else None
