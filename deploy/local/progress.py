"""What the local stack tells whoever watches it."""

import sys


def say(line: str) -> None:
    sys.stdout.write(f"dondoc: {line}\n")
    sys.stdout.flush()
