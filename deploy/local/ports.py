"""Free ports on the loopback, below the range that the system hands out by itself."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from deploy.local.failure import LocalStackError

_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 1_000
_RACES = 4

_Started = TypeVar("_Started")


def _claim(port: int) -> bool:
    """Claim a free port for this process until it ends: two stacks that start at once never choose the same."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0dondoc-port-{port}")
    except OSError:
        claim.close()
        return False
    if not is_free(port):
        claim.close()
        return False
    # Left open without an owner: the system forgets the name when the process ends.
    claim.detach()
    return True


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still being forgotten counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Distinct ports that were free a moment ago; who starts a server on one tries again when it lost the race."""
    found: list[int] = []
    for _ in range(_TRIES):
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311 -- no secret, only spread
        if _claim(port):
            found.append(port)
        if len(found) == count:
            return found
    raise LocalStackError(f"no {count} free ports between {_LOWEST} and {_HIGHEST}")


def preferred_or_free(preferred: int) -> int:
    return preferred if _claim(preferred) else free_ports(1)[0]


async def accepts_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def on_free_ports(count: int, start: Callable[[Sequence[int]], Awaitable[_Started]]) -> _Started:
    """Start something on free ports; when it fails and a port turns out to be taken, another was quicker: again."""
    for _ in range(_RACES):
        ports = free_ports(count)
        try:
            return await start(ports)
        except LocalStackError:
            if all(is_free(port) for port in ports):
                raise
    raise LocalStackError(f"free ports were taken by others {_RACES} times: is the machine very busy?")
