"""The quick start in the documentation, line by line, against running services with the demo's directory."""

import re
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.load import load
from deploy.local.servers import Servers
from deploy.local.services import running_services

_GUIDE = Path(__file__).parents[2] / "docs" / "quick-start.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_every_line_of_the_quick_start_runs(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_services(servers, tmp_path / "run") as stack:
        accounts = {account.username: account for account in await load(stack, "directory")}
        monkeypatch.setenv("ASSIGNMENT_URL", stack.urls["assignment"])
        monkeypatch.setenv("DEADLINE_URL", stack.urls["deadline"])
        monkeypatch.setenv("ADMINISTRATOR_PASSWORD", stack.administrator.password)
        monkeypatch.setenv("LEADER_PASSWORD", accounts["chutich"].password)
        said: dict[str, Any] = {}
        for block in _BLOCK.findall(_GUIDE.read_text(encoding="utf-8")):
            await stack.barrier()
            exec(compile(block, str(_GUIDE), "exec"), said)  # noqa: S102 - the text under test
    _as_the_guide_says(said)


def _as_the_guide_says(said: dict[str, Any]) -> None:
    assert said["me"]["role"] == "service"
    assert said["assigned"].status_code == 201
    assert [item["title"] for item in said["waiting"]] == [said["task"]["title"]]
    assert said["term"].json()["deadline"] == said["in_two_weeks"]
    assert [said["first"].status_code, said["again"].status_code] == [200, 200]
    assert said["first"].json()["version"] == said["again"].json()["version"]
    assert said["seen"].headers["ETag"] == f'"{said["first"].json()["version"]}"'
    assert said["stale"].status_code == 412
    assert [item["stage"] for item in said["changes"]] == ["reported"]
    assert said["nothing_new"] == []
    assert (said["refused"].status_code, said["problem"]["code"]) == (409, "wrong-stage")
