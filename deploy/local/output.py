"""The output of a service that `make run` shows: all of it goes to a log file, and most of it to the terminal too."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from deploy.services import SERVICES

_CHUNK = 1 << 16
_NAME_WIDTH = max(map(len, SERVICES))
_COLOURS = {service: f"\033[{colour}m" for colour, service in enumerate(SERVICES, start=32)}
_NO_COLOUR = "\033[0m"


class Output:
    """Takes one line after another and writes each where it belongs."""

    def __init__(self, name: str, log: Path) -> None:
        self._name = name
        self._log = log

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Write all lines of a stream until it ends."""
        async for line in _lines(stream):
            self.write(line)

    def write(self, line: bytes) -> None:
        # The folder or the terminal may be gone, or the disk full. The service must go on all the same, and it
        # cannot go on when nobody reads its output.
        with contextlib.suppress(OSError), self._log.open("ab") as log:
            log.write(line)
        if not is_routine(line):
            with contextlib.suppress(OSError):
                sys.stdout.write(f"{self._prefix()}{line.decode(errors='replace').rstrip()}\n")
                sys.stdout.flush()

    def _prefix(self) -> str:
        prefix = f"{time.strftime('%H:%M:%S')} {self._name.ljust(_NAME_WIDTH)} | "
        return f"{_COLOURS[self._name]}{prefix}{_NO_COLOUR}" if sys.stdout.isatty() else prefix


def is_routine(line: bytes) -> bool:
    """Tell whether a line is about a request that went well: the demo alone makes hundreds of them."""
    return b'"event":"request"' in line and b'"level":"info"' in line


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Give the lines of a stream; `readline` would refuse a very long one."""
    rest = b""
    while chunk := await stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest
