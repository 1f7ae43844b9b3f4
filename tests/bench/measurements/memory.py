"""The memory of each service before its first request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.services import SERVICES
from tests.bench.findings import Aim, Finding
from tests.bench.installation import Installation

_AIM: Final = Aim(120, at_most=True)


async def measure(installation: Installation) -> Sequence[Finding]:
    await installation.only(*SERVICES)
    pids = {service: installation.services._children[service].pid for service in SERVICES}
    return [Finding(f"memory at rest, {service}", _resident_mb(pid), "MB", _AIM) for service, pid in pids.items()]


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
