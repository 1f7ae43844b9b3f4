"""Four times as many requests as a service can answer, and acts beside slow lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.bench.findings import Aim, Finding, ratio_found
from tests.bench.installation import Installation
from tests.bench.load import Overload
from tests.bench.measurements.assigning import CLIENTS, assigning_requests
from tests.bench.rounds import Round, compare, in_ms

_ROUNDS: Final = 3
_SECONDS: Final = 3.0
_TIMES: Final = 4
_BUDGET_SECONDS: Final = 10
_READERS: Final = 100
_SLOW: Final = {"failCommands": ["find", "aggregate"], "blockConnection": True, "blockTimeMS": 2_000}


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only("assignment")
    requests = await assigning_requests(installation)
    return [*await _overload(installation, requests), await _beside_lists(installation, requests)]


async def _overload(installation: Installation, requests: list[dict[str, Any]]) -> Sequence[Finding]:
    """Compare the rate of good answers at four times the capacity with the capacity, and look for what was lost."""
    overloads: list[Overload] = []
    rate = (await installation.load.closed(requests, clients=CLIENTS, seconds=_SECONDS)).rate

    async def capacity() -> Round:
        return await installation.load.closed(requests, clients=CLIENTS, seconds=_SECONDS)

    async def overload() -> Round:
        overloads.append(await installation.load.overload(requests, rate=_TIMES * rate, seconds=_SECONDS))
        return overloads[-1].good

    compared = await compare(overload, capacity, rounds=_ROUNDS)
    waits = [seconds for one in overloads for seconds in (*one.good.latencies, *one.refused)]
    refused = sum(len(one.refused) for one in overloads)
    longest = Finding(
        "longest wait for an answer at four times the capacity",
        max(waits),
        "s",
        Aim(_BUDGET_SECONDS, at_most=True),
        f"{len(waits) - refused:,} done, {refused:,} refused",
    )
    lost = Finding("accepted and lost", await _lost(installation, overloads), "", Aim(0, at_most=True))
    return [
        ratio_found("good answers at four times the capacity, beside the capacity", compared, Aim(0.8)),
        longest,
        lost,
    ]


async def _lost(installation: Installation, overloads: Sequence[Overload]) -> int:
    accepted = {key for one in overloads for key in one.ids}
    tasks = installation.database("assignment")["tasks"]
    return len(accepted) - await tasks.count_documents({"_id": {"$in": sorted(accepted)}})


async def _beside_lists(installation: Installation, requests: list[dict[str, Any]]) -> Finding:
    """Compare the rate of acts while a hundred clients ask for lists of two seconds with the rate when none does."""

    async def acts() -> Round:
        return await installation.load.closed(requests, clients=8, seconds=_SECONDS)

    async def acts_beside_lists() -> Round:
        async with _slow_lists(installation):
            return await acts()

    compared = await compare(acts_beside_lists, acts, rounds=_ROUNDS)
    latencies = [latency for one in compared.ours for latency in one.latencies]
    name = f"acts of 8 clients beside {_READERS} slow lists, and alone"
    found = ratio_found(name, compared)
    return Finding(found.what, found.value, found.unit, None, f"{found.remark}; {in_ms(latencies)}", found.figures)


@asynccontextmanager
async def _slow_lists(installation: Installation) -> AsyncIterator[None]:
    """Let a hundred clients ask for lists, for each of which MongoDB takes two seconds."""
    admin = installation.servers.administration.admin
    data = {**_SLOW, "appName": "assignment.lists"}
    await admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=data)
    caller = installation.stack.as_("chair")
    readers = [asyncio.create_task(_read_for_ever(caller)) for _ in range(_READERS)]
    try:
        yield
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        await admin.command("configureFailPoint", "failCommand", mode="off")


async def _read_for_ever(caller: Any) -> None:
    while True:
        await caller.get("/v1/tasks")
