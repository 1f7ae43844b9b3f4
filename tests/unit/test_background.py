"""Background tasks outlive their own failures and end with the service."""

from __future__ import annotations

import asyncio

from shared.background import Background


async def test_a_task_that_breaks_is_started_anew() -> None:
    tries = 0
    held = asyncio.Event()

    async def run() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RuntimeError("broken")
        held.set()

    async with asyncio.timeout(5), Background("sample", first_delay=0.001) as background:
        background.start("work", run)
        await held.wait()
    assert tries == 3


async def test_tasks_end_in_reverse_order_and_are_waited_for() -> None:
    ended: list[str] = []
    begun = asyncio.Barrier(3)

    def task(name: str) -> None:
        async def run() -> None:
            await begun.wait()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                ended.append(name)

        background.start(name, run)

    async with asyncio.timeout(5), Background("sample") as background:
        task("relay")
        task("consumer")
        await begun.wait()
    assert ended == ["consumer", "relay"]
