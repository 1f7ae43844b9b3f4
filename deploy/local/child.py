"""The processes of the local stack: each ends with this one, writes to a log file, and is stopped by its id."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from deploy.local.failure import LocalStackError
from deploy.local.output import Output

_POLL_SECONDS = 0.03
_Result = TypeVar("_Result")


class Child:
    """A running process. The system tells it to end when this process dies, for whatever reason."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._showing = _show(name, process.stdout, log) if process.stdout else None

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
        """Start a process with its output in `log`, and on the terminal too if it is to be `shown`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "TERM", "--", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if shown else file,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                # A Ctrl-C at the terminal reaches this process only, and this process stops its children in order.
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
        """Wait until the process has ended and all its output is written."""
        await self._process.wait()
        if self._showing:
            # `await` would cancel the task together with its caller; `wait` leaves it running.
            await asyncio.wait([self._showing])

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Wait until `condition` holds. If the process ends or the time is over, raise an error that names the log."""
        try:
            async with asyncio.timeout(seconds):
                while not await condition():
                    if not self.is_running:
                        raise LocalStackError(self.ending())
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise LocalStackError(f"{self.name} was not ready within {seconds:.0f} s, see {self.log}") from None

    async def stop(self, seconds: float = 30) -> None:
        """Ask the process to end, and kill it if it still runs after `seconds`."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self.wait()

    def ending(self) -> str:
        """Say in one line how the process ended, with its last line if the terminal has not shown that."""
        ending = f"{self.name} ended (rc={self._process.returncode}), see {self.log}"
        return ending if self._showing else f"{ending}: {_last_line(self.log)}"

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


async def unless_one_ends(children: Sequence[Child], work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do some work and return its result. As soon as a child ends, give the work up and raise an error."""
    working = asyncio.create_task(work)
    ends = [asyncio.create_task(child.wait()) for child in children]
    try:
        await asyncio.wait([working, *ends], return_when=asyncio.FIRST_COMPLETED)
        for child, end in zip(children, ends, strict=True):
            if end.done():
                raise LocalStackError(child.ending())
        return working.result()
    finally:
        for task in (working, *ends):
            task.cancel()
        await asyncio.gather(working, *ends, return_exceptions=True)


def _show(name: str, stream: asyncio.StreamReader, log: Path) -> asyncio.Task[None]:
    return asyncio.create_task(Output(name, log).follow(stream))


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"
