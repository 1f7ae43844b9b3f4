"""What `make run` and `make clean` say when something is not as a newcomer expects."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.local import run
from deploy.local.run_dir import RunDir

_PROJECT = Path(__file__).parents[2]


def test_a_port_that_is_taken_is_named_with_the_one_used_instead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "preferred_or_free", lambda port: 20_001 if port == 8001 else port)
    ports = run._ports_of_services()
    assert ports == {"assignment": 20_001, "deadline": 8002, "notification": 8003, "reporting": 8004}
    assert capsys.readouterr().out == "dondoc: port 8001 is taken, assignment takes 20001\n"


def test_the_data_of_a_running_stack_are_not_forgotten(tmp_path: Path) -> None:
    run_dir = tmp_path / "run dir"
    with RunDir(run_dir).held():
        refused = subprocess.run(
            ["make", "clean"],  # noqa: S607 -- found as a shell finds it
            cwd=_PROJECT,
            env={**os.environ, "RUN_DIR": str(run_dir)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run_dir / "lock").exists()
    assert refused.returncode != 0
    assert refused.stderr.startswith(f"clean: a stack runs in {run_dir}: stop it first\n")
