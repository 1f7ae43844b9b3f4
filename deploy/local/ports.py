"""Free ports on the loopback, below the range that the system gives to outgoing connections."""

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
    """Claim a free port until this process ends, so that two stacks that start at once never choose the same port."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0dondoc-port-{port}")
    except OSError:
        claim.close()
        return False
    if not is_free(port):
        claim.close()
        return False
    # The socket stays open without an owner. The system releases its name when the process ends.
    claim.detach()
    return True


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Servers set this too: a port counts as free even if its last connections are still in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return different ports that were free a moment ago. Another program may still take one: see `on_free_ports`."""
    found: list[int] = []
    for _ in range(_TRIES):
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311 -- no secret, only spread
        if _claim(port):
            found.append(port)
        if len(found) == count:
            return found
    raise LocalStackError(f"{count} free ports were not found between {_LOWEST} and {_HIGHEST}")


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
    """Start something on free ports. If it fails because another program took one of them, try again with others."""
    for _ in range(_RACES):
        ports = free_ports(count)
        try:
            return await start(ports)
        except LocalStackError:
            if all(is_free(port) for port in ports):
                raise
    raise LocalStackError(f"other programs took the free ports {_RACES} times: is the machine very busy?")
