"""`make bench`: runs the measurements, prints a table, and writes `bench.json`.

    python -m tests.bench [NAME...]

NAME is the name of a measurement. Without a name all run that need not be named, in under five minutes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from deploy.local.servers import running_servers
from tests.bench.findings import Finding, table
from tests.bench.installation import running_installation
from tests.bench.machine import described, description
from tests.bench.measurements import MEASUREMENTS, ONLY_BY_NAME

TEST_COMMANDS: Final = ("--setParameter", "enableTestCommands=1")
"""Let the measurement `overload` make lists slow; nothing else uses them."""
_RESULTS: Final = Path("bench.json")
_USAGE: Final = 64


def main(names: Sequence[str]) -> None:
    if unknown := sorted(set(names) - MEASUREMENTS.keys()):
        sys.stderr.write(f"no such measurement: {', '.join(unknown)}; there are: {', '.join(MEASUREMENTS)}\n")
        raise SystemExit(_USAGE)
    began = time.perf_counter()
    chosen = names or MEASUREMENTS.keys() - ONLY_BY_NAME
    machine, findings = uvloop.run(_measure([name for name in MEASUREMENTS if name in chosen]))
    _say("\n" + table(findings))
    results = {"machine": machine, "findings": [finding.as_json() for finding in findings]}
    _RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _say(f"\n{time.perf_counter() - began:.0f} s in all; every number is in {_RESULTS}")


async def _measure(names: Sequence[str]) -> tuple[dict[str, Any], list[Finding]]:
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="dondoc-bench-", ignore_cleanup_errors=True) as folder:
        async with running_servers(Path(folder), mongod_options=TEST_COMMANDS) as servers:
            machine = await description(servers)
            _say(described(machine))
            async with running_installation(servers, Path(folder) / "run") as installation:
                for name in names:
                    began = time.perf_counter()
                    found = await MEASUREMENTS[name](installation)
                    _say(f"\n{name}, {time.perf_counter() - began:.0f} s\n{table(found)}")
                    findings += found
    return machine, findings


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
