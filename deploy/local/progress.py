"""What the local stack tells the person who started it."""

import contextlib
import sys


def say(line: str) -> None:
    # The terminal may be gone. What was started must be stopped all the same.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"dondoc: {line}\n")
        sys.stdout.flush()
