"""The heaviest batch that is taken fits into the memory of assignment, and everybody is told of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from tests.support.running_stack import AGENCIES, RunningStack, expect

_TEXT: Final = "ế" * 10_000
_ITEMS: Final = 37
"""With five agencies each, the most such items that stay below 50 MB."""
_MOST_GROWTH: Final = 250_000_000


def memory_of(pid: int, kind: str) -> int:
    """Return a figure of a process's memory in bytes: `VmRSS`, what it has now, or `VmHWM`, the most it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1_024 for line in lines if line.startswith(f"{kind}:"))


def heavy(items: int) -> dict[str, Any]:
    item = {"title": "ế" * 1_000, "description": _TEXT, "product": _TEXT, "lead_agencies": list(AGENCIES)}
    return {"items": [item] * items}


async def test_the_heaviest_batch_that_is_taken_needs_little_memory(stack: RunningStack) -> None:
    assignment, tasks = stack.services.pid_of("assignment"), stack.collection("assignment", "tasks")
    chair = stack.as_("chair")
    refused = await chair.post("/v1/task-batches", heavy(_ITEMS + 1))
    assert (refused.status_code, refused.json()["code"]) == (422, "too-large")
    assert await tasks.count_documents({}) == 0
    before = await asyncio.to_thread(memory_of, assignment, "VmRSS")
    given = expect(201, await chair.post("/v1/task-batches", heavy(_ITEMS)))
    assert given["count"] == await tasks.count_documents({}) == _ITEMS * len(AGENCIES)
    await stack.wait_until_idle()
    grown = await asyncio.to_thread(memory_of, assignment, "VmHWM") - before
    assert grown < _MOST_GROWTH, f"{grown / 1e6:.0f} MB"
    [entry, *_] = (await stack.as_("head-stc").inbox())["items"]
    assert entry["kind"] == "task.assigned"
