"""Runs the four services under honcho: prefixed logs on the terminal and in files, and one death ends all.

`python -m deploy.local.foreman LOG_FOLDER`, with the settings of all services in the environment.
"""

import contextlib
import ctypes
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import honcho.manager
from honcho.printer import Message, Printer
from honcho.process import Process

from deploy.services import SERVICES

# Longer than a service takes to finish what it is doing.
_KILL_WAIT_SECONDS = 30
_PR_SET_PDEATHSIG = 1
SYSTEM_LOG = f"{honcho.manager.SYSTEM_PRINTER_NAME}.log"


class _LogPrinter(Printer):  # type: ignore[misc]
    """Writes every line without its prefix to the service's file, and to the terminal what is worth reading there.

    A request that went as it should is not: the demo alone makes hundreds.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(sys.stdout)
        self._folder = folder

    def write(self, message: Message) -> None:
        data = message.data if isinstance(message.data, bytes) else message.data.encode()
        # The folder or the terminal may be gone, or the disk full; the services are to be stopped all the same.
        with contextlib.suppress(OSError), (self._folder / f"{message.name}.log").open("ab") as log:
            log.write(data)
        if not _is_routine(data):
            with contextlib.suppress(OSError):
                super().write(message)


def _is_routine(line: bytes) -> bool:
    return b'"event":"request"' in line and b'"level":"info"' in line


class _TiedProcess(Process):  # type: ignore[misc]
    """Honcho reads each service in a process of its own, which ignores signals: it is to end with the foreman."""

    def run(self, *arguments: Any, **options: Any) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        super().run(*arguments, **options)


def _environment_of(service: str) -> dict[str, str]:
    """Leave out what is for other services: none is to know another's secrets."""
    others = tuple(f"{other.upper()}_" for other in SERVICES if other != service)
    return {name: value for name, value in os.environ.items() if not name.startswith(others)}


def main(folder: Path) -> int:
    honcho.manager.KILL_WAIT = _KILL_WAIT_SECONDS
    manager = honcho.manager.Manager(_LogPrinter(folder))
    manager._process_ctor = _TiedProcess  # noqa: SLF001 -- the manager offers no other way
    for service in SERVICES:
        command = ["exec", "setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", f"services.{service}"]
        manager.add_process(service, shlex.join(command), env=_environment_of(service))
    manager.loop()
    return int(manager.returncode)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
