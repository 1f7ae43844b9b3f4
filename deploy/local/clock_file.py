"""The file that moves the clock of all services of a stack. Only this module writes it."""

import os
import time
from datetime import datetime
from pathlib import Path


class ClockFile:
    """The file holds what "now" was when it was written; its modification time says when that was."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def set(self, now: datetime) -> None:
        """Set the clock to `now` (an aware moment). Time goes on from there."""
        if now.tzinfo is None:
            raise ValueError("a moment without a time zone")
        new = self.path.with_suffix(".new")
        new.write_text(now.isoformat(), encoding="utf-8")
        # Clocks tell the time in whole milliseconds. Rounded down in the same way, no clock shows a time before `now`.
        written_at = time.time_ns() // 1_000_000 * 1_000_000
        os.utime(new, ns=(written_at, written_at))
        new.replace(self.path)

    def clear(self) -> None:
        """Return to the true time."""
        self.path.unlink(missing_ok=True)
