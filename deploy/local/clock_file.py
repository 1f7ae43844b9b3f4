"""The file that moves the clock of all services of a stack; this is its one writer."""

import os
import time
from datetime import datetime
from pathlib import Path


class ClockFile:
    """Holds the moment that "now" was when the file was written, which its modification time tells."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def set(self, now: datetime) -> None:
        """Let it be `now` (an aware moment) from here on; time goes on from there."""
        if now.tzinfo is None:
            raise ValueError("a moment without a time zone")
        new = self.path.with_suffix(".new")
        new.write_text(now.isoformat(), encoding="utf-8")
        # In whole milliseconds, as clocks tell the time: none is then a moment before `now`.
        written_at = time.time_ns() // 1_000_000 * 1_000_000
        os.utime(new, ns=(written_at, written_at))
        new.replace(self.path)

    def clear(self) -> None:
        """Let the true time hold again."""
        self.path.unlink(missing_ok=True)
