"""One command of a service, and how commands end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """How a command ended; a command line that is not in order ends with 2, as argparse has it."""

    FINE = 0
    DIFFERENCES = 1
    """`check` found some, or a message named to `dead-letters` is not there."""
    UNAVAILABLE = 69
    """A server could not be asked, so nothing is known."""
    BROKEN = 70
    """A fault of the program, or an answer that it cannot read; nothing is known."""


@dataclass(frozen=True, slots=True)
class Command:
    """What can be asked for: `run` gets what `configure` has the parser read, and returns the exit code."""

    name: str
    summary: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class UnavailableError(Exception):
    """A server could not be asked; the text says which, in a line for the operator."""


def complain(line: str) -> None:
    """Say what is wrong, apart from what was asked for."""
    sys.stderr.write(f"{line}\n")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
