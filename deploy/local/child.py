"""A process of ours: tied to this one, with its output in a file, stopped by its pid."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from deploy.local.failure import LocalStackError

_POLL_SECONDS = 0.03


class Child:
    """A running process that is told to end when this one dies, however it dies."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        shown: bool = False,
    ) -> Self:
        """Start a process with its output in `log`, or `shown` where ours is."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            output = None if shown else file
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "TERM", "--", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                # A Ctrl-C at the terminal is for this process alone: it stops its children in order.
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> None:
        await self._process.wait()

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Wait until `condition` holds; the process's end or too long a wait is an error that names the log."""
        try:
            async with asyncio.timeout(seconds):
                while not await condition():
                    if not self.is_running:
                        raise LocalStackError(self.ending())
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise LocalStackError(f"{self.name} was not ready within {seconds:.0f} s, see {self.log}") from None

    async def stop(self, seconds: float = 30) -> None:
        """Ask the process to end, and end it after `seconds`."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def ending(self) -> str:
        """Say in one line that the process has ended, and its last words."""
        text = self.log.read_text(encoding="utf-8", errors="replace").strip()
        words = text.splitlines()[-1] if text else "it said nothing"
        return f"{self.name} ended (status {self._process.returncode}), see {self.log}: {words}"

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
