"""The office's time. No other file calls `datetime.now`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Clock(Protocol):
    """Tells the office's current time."""

    def now(self) -> datetime:
        """Return the current time: aware, in UTC, in whole milliseconds."""
        ...


def to_milliseconds(moment: datetime) -> datetime:
    """Convert to UTC and cut to milliseconds, as MongoDB stores times, so that a stored time equals the original."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def true_now() -> datetime:
    """Return the machine's own time: tokens, retries and ages of outboxes use it even when the clock is moved."""
    return to_milliseconds(datetime.now(UTC))


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return true_now()


class SettableClock:
    """The machine's time, moved by an offset, so that a rehearsal can let a quarter pass in a minute.

    A file holds the office's time at the moment when the file was written; its modification time says when that was.
    Without the file the clock shows the machine's time. A writer replaces the file by rename, and the clock reads it
    again after each change.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        return to_milliseconds(true_now() + self._current_offset())

    def _current_offset(self) -> timedelta:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._seen, self._offset = None, timedelta()
            return self._offset
        if (stat.st_mtime_ns, stat.st_ino) != self._seen:
            self._offset = _offset_of(self._path.read_text(encoding="utf-8"), stat)
            self._seen = (stat.st_mtime_ns, stat.st_ino)
        return self._offset


def _offset_of(text: str, stat: os.stat_result) -> timedelta:
    written_at = datetime.fromtimestamp(stat.st_mtime_ns / 1e9, UTC)
    return datetime.fromisoformat(text.strip()) - written_at
