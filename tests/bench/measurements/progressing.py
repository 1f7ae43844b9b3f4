"""Recording an officer's progress, beside a bare route with one find_one_and_update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tests.bench.bare import PROGRESSED
from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.measurements.assigning import CLIENTS
from tests.bench.rounds import Round, compare
from tests.bench.tasks import OFFICER, a_task, fill

_TASKS: Final = 2_000
_ROUNDS: Final = 5
_SECONDS: Final = 2.0


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only("assignment")
    documents = [a_task(steps=2).document() for _ in range(_TASKS)]
    for collection in ("tasks", PROGRESSED):
        await fill(installation.database("assignment")[collection], documents)
    headers = await installation.headers_of(OFFICER)

    async def ask(url: str) -> Round:
        requests = [_request(f"{url}/{document['_id']}/progress", headers) for document in documents]
        return await installation.load.closed(requests, clients=CLIENTS, seconds=_SECONDS)

    ours, bare = f"{installation.services.urls['assignment']}/v1/tasks", f"{installation.bare_url}/tasks"
    compared = await compare(lambda: ask(ours), lambda: ask(bare), rounds=_ROUNDS)
    return [ratio_found(f"POST …/progress, {CLIENTS} clients", compared, Aim(0.6))]


def _request(url: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"method": "POST", "url": url, "headers": headers, "body": '{"percent": 60}'}
