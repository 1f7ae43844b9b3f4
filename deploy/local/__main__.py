"""`python -m deploy.local` runs the stack in `RUN_DIR` (default `.run`), with the demo that `DEMO` names.

`PROMETHEUS=yes` adds a Prometheus that scrapes the services and evaluates the alerts.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import get_args

import httpx2
from pymongo.errors import PyMongoError

from deploy.demo.load import Demo
from deploy.local.failure import LocalStackError
from deploy.local.progress import say
from deploy.local.run import run

_DEMOS: tuple[Demo, ...] = get_args(Demo)
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def _run_until_told(path: Path, demo: Demo, *, watched: bool) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(run(path, demo, watched=watched))
    told = False

    def stop() -> None:
        # A second signal changes nothing: the stack is stopping already.
        nonlocal told
        if not told:
            told = True
            say("stopping ...")
            running.cancel()

    for number in _STOPPING:
        loop.add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        say("everything is stopped")


def main() -> int:
    wanted = os.environ.get("DEMO") or "full"
    demo = next((known for known in _DEMOS if known == wanted), None)
    if demo is None:
        sys.stderr.write(f"dondoc: DEMO must be one of {', '.join(_DEMOS)}, not {wanted}\n")
        return os.EX_USAGE
    watched = os.environ.get("PROMETHEUS") or "no"
    if watched not in {"yes", "no"}:
        sys.stderr.write(f"dondoc: PROMETHEUS must be yes or no, not {watched}\n")
        return os.EX_USAGE
    try:
        path = Path(os.environ.get("RUN_DIR") or ".run").resolve()
        asyncio.run(_run_until_told(path, demo, watched=watched == "yes"))
    except (LocalStackError, OSError, PyMongoError, httpx2.HTTPError) as error:
        sys.stderr.write(f"dondoc: {error}\n")
        return os.EX_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
