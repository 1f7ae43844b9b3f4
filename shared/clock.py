"""The office's time. `datetime.now` stands in this file and nowhere else."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Clock(Protocol):
    """Tells the office's present moment."""

    def now(self) -> datetime:
        """Return the present moment: aware, UTC, whole milliseconds."""
        ...


def to_milliseconds(moment: datetime) -> datetime:
    """Cut to what MongoDB keeps, in UTC, so that what is stored equals what was compared."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def true_now() -> datetime:
    """Return the machine's own time, for what no rehearsal may move: tokens, retries, ages of the outbox."""
    return to_milliseconds(datetime.now(UTC))


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return true_now()


class SettableClock:
    """The machine's time moved by the offset that a file names, so that a quarter passes in a minute.

    The file holds the moment that "now" was when the file was written; its modification time says when that was.
    Without the file the true time holds. The file is replaced by rename and read again when it changed.
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
