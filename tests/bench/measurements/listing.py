"""Listing fifty of a hundred thousand tasks, beside a bare route with one find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.rounds import Round, compare

_CLIENTS: Final = 8
_ROUNDS: Final = 5
_SECONDS: Final = 1.5


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only("assignment")
    await installation.with_many_tasks()
    headers = await installation.headers_of("chair")

    async def ask(url: str) -> Round:
        request = {"method": "GET", "url": url, "headers": headers}
        return await installation.load.closed([request], clients=_CLIENTS, seconds=_SECONDS)

    ours, bare = f"{installation.services.urls['assignment']}/v1/tasks?limit=50", f"{installation.bare_url}/tasks"
    compared = await compare(lambda: ask(ours), lambda: ask(bare), rounds=_ROUNDS)
    return [ratio_found(f"GET /v1/tasks, 50 of 100,000, {_CLIENTS} clients", compared, Aim(0.9))]
