"""Requests at a steady rate, whatever becomes of the earlier ones, as people send them who know nothing of another.

The answers say when each request was sent and answered, so that a test can hold both against a budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import aiohttp

from tests.support.servers import unique

_LONGEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sent:
    """One request with its answer; the status is 0 if the connection broke before an answer came."""

    number: int
    status: int
    headers: Mapping[str, str]
    sent_at: datetime
    answered_at: datetime

    @property
    def seconds(self) -> float:
        return (self.answered_at - self.sent_at).total_seconds()


class OpenLoop:
    """Assigns numbered tasks at one address; the name of the loop is in the title and in the key of each."""

    def __init__(self, http: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> None:
        self._name = unique("loop")
        self._http = http
        self._url = url
        self._headers = headers
        self._numbers = count()
        self._requests: list[asyncio.Task[None]] = []
        self.sent: list[Sent] = []

    def title_of(self, number: int) -> str:
        """Return the title of a request's task, which is also its Idempotency-Key."""
        return f"{self._name}-{number}"

    def body_of(self, number: int) -> dict[str, Any]:
        return {"title": self.title_of(number), "lead_agency": "stc"}

    async def send(self, rate: float, until: asyncio.Event) -> None:
        """Begin `rate` requests a second until the event is set."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in self._numbers:
            await asyncio.sleep(max(begun + number / rate - loop.time(), 0))
            if until.is_set():
                return
            self._requests.append(asyncio.create_task(self._post(number)))

    async def send_together(self, number: int) -> None:
        """Begin so many requests at the same moment, and wait for their answers."""
        requests = [asyncio.create_task(self._post(next(self._numbers))) for _ in range(number)]
        self._requests += requests
        await asyncio.gather(*requests)

    async def all_answered(self) -> list[Sent]:
        """Wait until everything that was sent has an answer."""
        await asyncio.gather(*self._requests)
        return self.sent

    async def _post(self, number: int) -> None:
        sent_at = datetime.now(UTC)
        status, headers = await self._status(number)
        self.sent.append(Sent(number, status, headers, sent_at, datetime.now(UTC)))

    async def _status(self, number: int) -> tuple[int, Mapping[str, str]]:
        key = {"Idempotency-Key": self.title_of(number)}
        try:
            async with self._http.post(
                self._url, json=self.body_of(number), headers={**self._headers, **key}
            ) as answer:
                await answer.read()
                return answer.status, answer.headers
        except aiohttp.ClientError:
            return 0, {}


@asynccontextmanager
async def open_loop(url: str, headers: Mapping[str, str]) -> AsyncIterator[OpenLoop]:
    """Post to `url` with these headers inside the block."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=_LONGEST_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        yield OpenLoop(http, url, headers)
