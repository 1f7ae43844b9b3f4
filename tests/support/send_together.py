"""Requests that arrive at the same moment: all but the last byte of each is sent, then all the last bytes together.

If a client sent whole requests one after the other, the service would have answered most before the next came.
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
class PostRequest:
    """A POST to `at`, an address with a port and without a path."""

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


async def send_together(requests: Sequence[PostRequest]) -> list[httpx2.Response]:
    """Send all at the same moment and return the answers, in the same order."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        connections = [await _send_most(request) for request in requests]
        for request, (_, writer) in zip(requests, connections, strict=True):
            writer.write(request.to_bytes()[-1:])
        return list(await asyncio.gather(*(_answer(*connection) for connection in connections)))


async def _send_most(request: PostRequest) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx2.URL(request.at)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request.to_bytes()[:-1])
    await writer.drain()
    return reader, writer


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> httpx2.Response:
    head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return httpx2.Response(int(head.split()[1]), content=content)
