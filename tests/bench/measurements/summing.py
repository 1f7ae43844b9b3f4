"""Summing a hundred thousand tasks by agency, beside a bare route with the same aggregation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.reporting.store import VERSIONS
from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.rounds import Round, compare
from tests.bench.tasks import fill, many_versions

_CLIENTS: Final = 1
_ROUNDS: Final = 5
_SECONDS: Final = 2.0


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only("assignment", "reporting")
    versions = installation.database("reporting")[VERSIONS]
    await versions.delete_many({})
    await fill(versions, many_versions())
    headers = await installation.headers_of("chair")

    async def ask(url: str) -> Round:
        request = {"method": "GET", "url": url, "headers": headers}
        return await installation.load.closed([request], clients=_CLIENTS, seconds=_SECONDS)

    ours, bare = (
        f"{installation.services.urls['reporting']}/v1/summary?group_by=agency",
        f"{installation.bare_url}/summary",
    )
    compared = await compare(lambda: ask(ours), lambda: ask(bare), rounds=_ROUNDS)
    return [ratio_found("GET /v1/summary by agency of 100,000 tasks", compared, Aim(0.7))]
