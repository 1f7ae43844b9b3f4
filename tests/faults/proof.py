"""`python -m tests.faults.proof [SEEDS...]`: all tests of this folder at their full counts, once for each seed.

It runs pytest with this module as a plugin. The plugin prints a line for each test, and what the test recorded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

_SEEDS: Final = ("1", "2", "3")
_PLUGIN: Final = "tests.faults.proof"
_FOLDER: Final = Path(__file__).parent


def main(seeds: Sequence[str]) -> int:
    """Run everything with each seed in turn, even after a failure. Return 1 if anything failed."""
    endings = {seed: _prove(seed) for seed in seeds}
    failed = [seed for seed, ending in endings.items() if ending]
    outcome = f"failed with {', '.join(failed)}" if failed else "all passed"
    sys.stdout.write(f"\nseeds {', '.join(seeds)}: {outcome}\n")
    return 1 if failed else 0


def _prove(seed: str) -> int:
    sys.stdout.write(f"\nseed {seed}\n")
    sys.stdout.flush()
    environment = {**os.environ, "DONDOC_PROOF": "full", "DONDOC_SEED": seed}
    command = [sys.executable, "-m", "pytest", "-p", _PLUGIN, str(_FOLDER)]
    return subprocess.run(command, cwd=_FOLDER.parents[1], env=environment, check=False).returncode


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how each test ended, how long it took, and what it recorded."""
    reports = [report for one in terminalreporter.stats.values() for report in one if hasattr(report, "when")]
    by_test: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)
    for report in reports:
        by_test[report.nodeid].append(report)
    for name, phases in by_test.items():
        ending = "failed" if any(phase.failed for phase in phases) else "passed"
        seconds = sum(phase.duration for phase in phases)
        terminalreporter.write_line(f"{ending} {seconds:7.1f} s  {name}")
        counts = {what: counted for phase in phases for what, counted in phase.user_properties}
        for what, counted in counts.items():
            terminalreporter.write_line(f"{'':18}{what}: {counted}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or _SEEDS))
