"""Folders with secrets are closed to other users, or refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.compose.secrets import make_secrets
from deploy.local.failure import LocalStackError
from deploy.local.run_dir import RunDir
from deploy.private_folder import OpenFolderError, keep_private


def mode_of(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


@pytest.mark.parametrize("names", [(), ("lock",), ("lock", "data")])
@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_an_open_folder_of_ours_is_closed(tmp_path: Path, names: tuple[str, ...], mode: int) -> None:
    for name in names:
        (tmp_path / name).touch()
    tmp_path.chmod(mode)
    keep_private(tmp_path, {"lock"})
    assert mode_of(tmp_path) == 0o700


def test_an_open_folder_of_something_else_is_refused_and_left(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(OpenFolderError, match="chmod 700"):
        keep_private(tmp_path, {"lock"})
    assert mode_of(tmp_path) == 0o755


def test_the_folder_of_a_stack_is_closed_or_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with RunDir(tmp_path).held():
        assert mode_of(tmp_path) == 0o700
    tmp_path.chmod(0o755)
    with RunDir(tmp_path).held():
        assert mode_of(tmp_path) == 0o700
    other = tmp_path / "other"
    other.mkdir()
    (other / "letters").touch()
    other.chmod(0o755)
    with pytest.raises(LocalStackError, match="chmod 700"), RunDir(other).held():
        raise AssertionError("it was not refused")


def test_the_folder_of_the_secrets_is_closed_or_refused(tmp_path: Path) -> None:
    made = tmp_path / "secrets"
    make_secrets(made)
    made.chmod(0o755)
    make_secrets(made)
    assert mode_of(made) == 0o700
    (tmp_path / "letters").touch()
    tmp_path.chmod(0o755)
    line = [sys.executable, "-m", "deploy.compose.secrets", str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        f"secrets: {tmp_path} is open to other users: `chmod 700 {tmp_path}`, or name another folder"
    ]
    assert not (tmp_path / "mongodb_key").exists()
