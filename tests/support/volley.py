"""Requests that arrive at the same moment: each is sent but for its last byte, and then all the last bytes together.

A client that sends them one after the other is slower than the service that answers: hardly two would meet.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

_PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True)
class Shot:
    """A POST to an address, which has a port and no path of its own."""

    at: str
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        content = json.dumps(self.body).encode()
        headers = {
            **self.headers,
            "Host": httpx2.URL(self.at).netloc.decode(),
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "close",
        }
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + content


async def volley(shots: Sequence[Shot]) -> list[httpx2.Response]:
    """Send all at the same moment and return the answers, in the same order."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        connections = [await _aim(shot) for shot in shots]
        for shot, (_, writer) in zip(shots, connections, strict=True):
            writer.write(shot.to_bytes()[-1:])
        return list(await asyncio.gather(*(_answer(*connection) for connection in connections)))


async def _aim(shot: Shot) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx2.URL(shot.at)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(shot.to_bytes()[:-1])
    await writer.drain()
    return reader, writer


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> httpx2.Response:
    head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return httpx2.Response(int(head.split()[1]), content=content)
