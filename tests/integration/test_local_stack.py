"""The stack as `make run` starts it: ready when it says so, and gone when told to stop or when a part ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.support.messaging import wait_until
from tests.support.servers import processes_naming

_PATIENCE_SECONDS = 90


async def test_a_stack_is_ready_when_it_says_so_and_leaves_nothing_running(tmp_path: Path) -> None:
    async with _started(tmp_path, PROMETHEUS="yes") as process:
        stack = await _written_stack(process, tmp_path)
        await _expect_ready(stack)
        await _expect_a_shell_to_find_the_settings_of_a_service(tmp_path)
        await _expect_a_program_to_begin_a_session(tmp_path, stack)
        async with _started(tmp_path) as late:
            refusal, _ = await late.communicate()
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()
    assert late.returncode == os.EX_UNAVAILABLE
    assert refusal.decode() == (
        f"dondoc: {tmp_path} is in use by another stack: stop that one, or set RUN_DIR to another folder\n"
    )
    assert process.returncode == 0, output.decode()
    assert (tmp_path / "web_client_secret").read_text(encoding="utf-8") not in output.decode()
    assert "dondoc: Prometheus: http://127.0.0.1:" in output.decode()
    assert processes_naming(tmp_path) == {}
    assert not (tmp_path / "stack.json").exists()


async def test_two_stacks_run_side_by_side_and_each_ends_by_itself(tmp_path: Path) -> None:
    async with _started(tmp_path / "one") as one, _started(tmp_path / "two") as two:
        first, second = await asyncio.gather(
            _written_stack(one, tmp_path / "one"), _written_stack(two, tmp_path / "two")
        )
        assert not set(first["services"].values()) & set(second["services"].values())
        await _expect_end_of_a_part_to_end_the_stack(one, tmp_path / "one")
        await _expect_ready(second)
        await _expect_kill_to_take_all_parts_along(two, tmp_path / "two")


async def _expect_end_of_a_part_to_end_the_stack(process: asyncio.subprocess.Process, run_dir: Path) -> None:
    os.kill(_process_of(run_dir, "services.reporting"), signal.SIGKILL)
    output, _ = await process.communicate()
    assert process.returncode == os.EX_UNAVAILABLE
    log = run_dir / "log/reporting.log"
    assert output.decode().splitlines()[-1] == f"dondoc: reporting ended (rc=-9), see {log}"
    assert processes_naming(run_dir) == {}


async def _expect_kill_to_take_all_parts_along(process: asyncio.subprocess.Process, run_dir: Path) -> None:
    """Kill it together with whoever read its output, as when a terminal dies."""
    output = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    output.close()
    await asyncio.sleep(0)  # lets the loop really close it
    process.kill()
    await process.wait()
    await wait_until(lambda: not processes_naming(run_dir), "every process has ended", within=_PATIENCE_SECONDS)


async def _expect_a_shell_to_find_the_settings_of_a_service(run_dir: Path) -> None:
    script = f"set -a; . {run_dir}/reporting.env; exec {sys.executable} -m services.reporting dead-letters list"
    listing = await asyncio.create_subprocess_exec("sh", "-c", script, stderr=asyncio.subprocess.PIPE)
    _, remarks = await listing.communicate()
    assert (listing.returncode, remarks.decode()) == (0, "dead letters: 0\n")
    assert (run_dir / "reporting.env").stat().st_mode & 0o077 == 0


async def _expect_a_program_to_begin_a_session(run_dir: Path, stack: dict[str, Any]) -> None:
    kept = run_dir / "web_client_secret"
    assert kept.stat().st_mode & 0o077 == 0
    account = stack["accounts"][0]
    form = {"grant_type": "password", "username": account["username"], "password": account["password"]}
    client = {"client_id": "web", "client_secret": kept.read_text(encoding="utf-8")}
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{stack['services']['assignment']}/v1/auth/token", data=form | client)
    assert answer.json()["refresh_expires_in"] == 12 * 3600


async def _expect_ready(stack: dict[str, Any]) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        for url in stack["services"].values():
            assert (await client.get(f"{url}/health/ready")).status_code == httpx2.codes.OK


@asynccontextmanager
async def _started(run_dir: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "RUN_DIR": str(run_dir), "DEMO": "none", **settings},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def _written_stack(process: asyncio.subprocess.Process, run_dir: Path) -> dict[str, Any]:
    """Wait for `stack.json`, which says that everything is ready."""
    written = run_dir / "stack.json"
    await wait_until(
        lambda: written.exists() or process.returncode is not None, "stack.json is written", within=_PATIENCE_SECONDS
    )
    assert written.exists(), await _output(process)
    stack: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return stack


async def _output(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    return (await process.stdout.read()).decode()


def _process_of(run_dir: Path, program: str) -> int:
    for pid in processes_naming(run_dir):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if program in command.decode().replace("\0", " ") and b"setpriv" not in command:
            return pid
    raise AssertionError(f"{program} does not run")
