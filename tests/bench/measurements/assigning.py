"""Assigning a task, beside a bare route with the same body and one insert of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import orjson

from shared.clock import true_now
from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.rounds import Round, compare
from tests.bench.tasks import BODY, CALENDAR

CLIENTS: Final = 32
_ROUNDS: Final = 5
_SECONDS: Final = 2.0


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only("assignment")
    ours = await assigning_requests(installation)
    bare = [{**request, "url": f"{installation.bare_url}/tasks"} for request in ours]

    async def ask(requests: list[dict[str, Any]]) -> Round:
        return await installation.load.closed(requests, clients=CLIENTS, seconds=_SECONDS)

    compared = await compare(lambda: ask(ours), lambda: ask(bare), rounds=_ROUNDS)
    return [ratio_found(f"POST /v1/tasks, {CLIENTS} clients", compared, Aim(0.6))]


async def assigning_requests(installation: Installation) -> list[dict[str, Any]]:
    """Return the request of a leader that assigns a task."""
    deadline = CALENDAR.local_day(true_now()) + timedelta(days=30)
    return [
        {
            "method": "POST",
            "url": f"{installation.services.urls['assignment']}/v1/tasks",
            "headers": await installation.headers_of("chair"),
            "body": orjson.dumps({**BODY, "deadline": deadline.isoformat()}).decode(),
        }
    ]
