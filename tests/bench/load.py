"""The clients. They are a process of their own, so that they take no time from what is measured.

    python -m tests.bench.load

reads jobs from its input, one JSON object a line, and answers each with a line. `requests` are done in turn, from the
first to the last and again. A closed job has so many `clients`, each of which asks again when it is answered; a paced
job begins a request every 1/`rate` seconds whatever happens, and latency counts from when it should have begun. In a
`refusable` job an answer 503 is no failure; it is counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

import aiohttp
import orjson
import uvloop

from tests.bench.rounds import Round

_MOST_AT_ONCE: Final = 1_000
_REFUSED: Final = 503


class Failures(dict[str, int]):
    """How often each wrong answer came."""

    def count(self, what: str) -> None:
        self[what] = self.get(what, 0) + 1


class Clients:
    def __init__(self, http: aiohttp.ClientSession, job: Mapping[str, Any]) -> None:
        self._http = http
        self._requests: Iterator[Mapping[str, Any]] = cycle(job["requests"])
        self._job = job
        self.latencies: list[float] = []
        self.answered: list[tuple[str, float]] = []
        self.refused: list[float] = []
        self.failures = Failures()

    async def closed(self) -> None:
        """Let each client send one request after the other until the time is over."""
        ends = time.perf_counter() + self._job["seconds"]
        async with asyncio.TaskGroup() as clients:
            for _ in range(self._job["clients"]):
                clients.create_task(self._ask_until(ends))

    async def paced(self) -> None:
        """Send requests at the rate until the time is over, and wait for the last answer."""
        begun, interval = time.perf_counter(), 1 / self._job["rate"]
        async with asyncio.TaskGroup() as requests:
            for number in range(round(self._job["seconds"] * self._job["rate"])):
                scheduled = begun + number * interval
                await asyncio.sleep(max(scheduled - time.perf_counter(), 0))
                requests.create_task(self._ask(scheduled))

    async def _ask_until(self, ends: float) -> None:
        while (now := time.perf_counter()) < ends:
            await self._ask(now)

    async def _ask(self, scheduled: float) -> None:
        try:
            status, content = await self._answer(next(self._requests))
        except aiohttp.ClientError as error:
            self.failures.count(repr(error))
            return
        if status == _REFUSED and self._job.get("refusable"):
            self.refused.append(time.perf_counter() - scheduled)
            return
        if status >= 300:
            self.failures.count(f"{status} {content[:300].decode(errors='replace')}")
            return
        self.latencies.append(time.perf_counter() - scheduled)
        if "rate" in self._job:
            began = time.time() - (time.perf_counter() - scheduled)
            self.answered.append((orjson.loads(content)["id"], began))

    async def _answer(self, asked: Mapping[str, Any]) -> tuple[int, bytes]:
        body = asked["body"].encode() if "body" in asked else None
        async with self._http.request(asked["method"], asked["url"], headers=asked["headers"], data=body) as answer:
            return answer.status, await answer.read()


async def _do(job: Mapping[str, Any]) -> dict[str, Any]:
    # New connections for each job: the server closes idle ones, perhaps just as a client takes one up.
    connector, timeout = aiohttp.TCPConnector(limit=_MOST_AT_ONCE), aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        clients = Clients(http, job)
        started = time.perf_counter()
        await (clients.paced() if "rate" in job else clients.closed())
        return {
            "seconds": time.perf_counter() - started,
            "latencies": clients.latencies,
            "answered": clients.answered,
            "refused": clients.refused,
            "failures": clients.failures,
        }


async def _serve() -> None:
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        sys.stdout.write(json.dumps(await _do(orjson.loads(line))) + "\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Overload:
    """What became of requests above the capacity: those that were done, their ids, and when the others got 503."""

    good: Round
    refused: Sequence[float]
    ids: Sequence[str]


class LoadFailedError(Exception):
    """Some answers were wrong, so the measurement says nothing."""


class Load:
    """The parent's side: gives the process its jobs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def closed(self, requests: list[dict[str, Any]], *, clients: int, seconds: float) -> Round:
        answer = await self._do({"requests": requests, "clients": clients, "seconds": seconds})
        return Round(len(answer["latencies"]), answer["seconds"], answer["latencies"])

    async def paced(self, requests: list[dict[str, Any]], *, rate: float, seconds: float) -> dict[str, float]:
        """Return, by the id in each answer, when its request was due."""
        answer = await self._do({"requests": requests, "rate": rate, "seconds": seconds})
        return dict(answer["answered"])

    async def overload(self, requests: list[dict[str, Any]], *, rate: float, seconds: float) -> Overload:
        """Send requests at a rate that is above what can be answered."""
        answer = await self._do({"requests": requests, "rate": rate, "seconds": seconds, "refusable": True})
        good = Round(len(answer["latencies"]), answer["seconds"], answer["latencies"])
        return Overload(good, answer["refused"], [key for key, _ in answer["answered"]])

    async def _do(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        await self._process.stdin.drain()
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        if answer["failures"]:
            raise LoadFailedError(answer["failures"])
        return answer


if __name__ == "__main__":
    uvloop.run(_serve())
