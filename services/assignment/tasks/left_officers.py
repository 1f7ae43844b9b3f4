"""Tasks of officers who left: each open task that is handed to somebody who is no officer of its lead is taken back.

An account and the tasks handed to it are separate records. Whoever delegates reads the account first, so a delegation
may be written just after the account has changed; and the process may be killed between the two. Therefore nothing is
remembered of what changed: all open tasks are looked at again and again, and at once when an account changes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from services.assignment.tasks.rules.work import is_officer_of
from shared.mongo import is_away

if TYPE_CHECKING:
    from services.assignment.tasks.handlers import DirectoryLookup, TaskHandlers
    from services.assignment.tasks.store import TaskStore

_SWEEP_SECONDS: Final = 30.0


class LeftOfficers:
    """Call `wake` after each change of an account, and `run` in the background."""

    def __init__(self, store: TaskStore, directory: DirectoryLookup, tasks: TaskHandlers) -> None:
        self._store = store
        self._directory = directory
        self._tasks = tasks
        self._called = asyncio.Event()

    def wake(self) -> None:
        """Tell that an account has changed. It never waits and never fails."""
        self._called.set()

    async def run(self) -> None:
        """Sweep without end: when woken, and every half minute."""
        while True:
            self._called.clear()
            await self.sweep()
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP_SECONDS):
                    await self._called.wait()

    async def sweep(self) -> None:
        """Take back every open task whose officer is no officer of its lead.

        A task that fails stops no other one; its exception is raised at the end, and the next sweep tries it again.
        """
        failed: list[Exception] = []
        for task_id, officer in await self._handed_to_nobody():
            try:
                await self._tasks.take_back(task_id, officer)
            except Exception as error:
                if is_away(error):
                    raise
                failed.append(error)
        if failed:
            raise failed[0]

    async def _handed_to_nobody(self) -> list[tuple[str, str]]:
        """Return the open tasks whose officer is no officer of the lead, each with this officer."""
        handed = await self._store.handed()
        accounts = await self._directory.usable_accounts({officer for officer, _ in handed})
        left = [pair for pair in handed if not is_officer_of(pair[1], accounts.get(pair[0]))]
        return [(task_id, officer) for officer, lead in left for task_id in await self._store.handed_to(officer, lead)]
