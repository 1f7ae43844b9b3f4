"""A command of a service, its exit codes, and its output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of commands; for a wrong command line argparse exits with 2."""

    FINE = 0
    DIFFERENCES = 1
    """`check` found differences, or there is no message with an id given to `dead-letters`."""
    UNAVAILABLE = 69
    """A server could not be reached, so there is no result."""
    BROKEN = 70
    """A fault of the program, or an answer that it cannot read; there is no result."""


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """A command: `configure` adds its arguments to the parser, `run` gets them and returns the exit code."""

    name: str
    summary: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class UnavailableError(Exception):
    """A server could not be reached; the text is one line for the operator, and says which server."""


def complain(line: str) -> None:
    """Write a line to the standard error: what is wrong, or a summary, apart from the result."""
    sys.stderr.write(f"{line}\n")


def say(line: str) -> None:
    """Write a line of the result to the standard output."""
    sys.stdout.write(f"{line}\n")
