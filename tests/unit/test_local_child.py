"""The processes that the local stack starts: how they end, and what is said of it."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from deploy.local.child import Child, unless_one_ends
from deploy.local.failure import LocalStackError

BREAKS = ("sh", "-c", "echo it is broken >&2; exit 3")
STAYS = ("sleep", "60")
IGNORES_TERM = ("sh", "-c", "trap '' TERM; echo started; while :; do sleep 0.1; done")


async def _nothing() -> bool:
    return False


async def test_a_process_that_ends_too_early_is_named_with_its_log_and_its_last_line(tmp_path: Path) -> None:
    child = await Child.start("mongod", BREAKS, tmp_path / "mongod.log")
    told = re.escape(f"mongod ended (rc=3), see {tmp_path}/mongod.log: it is broken")
    with pytest.raises(LocalStackError, match=f"^{told}$"):
        await child.until(_nothing, seconds=30)


async def test_work_is_given_up_when_a_process_ends_whose_output_was_shown_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log" / "deadline.log"
    stays = await Child.start("assignment", STAYS, tmp_path / "assignment.log", shown=True)
    ends = await Child.start("deadline", BREAKS, log, shown=True)
    told = re.escape(f"deadline ended (rc=3), see {log}")
    with pytest.raises(LocalStackError, match=f"^{told}$"):
        await unless_one_ends([stays, ends], asyncio.Event().wait())
    assert capsys.readouterr().out.endswith(" deadline     | it is broken\n")
    assert log.read_text() == "it is broken\n"
    assert stays.is_running
    await stays.stop()
    assert stays.ending() == f"assignment ended (rc={-signal.SIGTERM}), see {tmp_path}/assignment.log"


async def test_work_that_is_done_while_all_run_has_its_result_and_the_output_goes_on(tmp_path: Path) -> None:
    says_more = ("sh", "-c", "echo first; sleep 0.3; echo second")
    child = await Child.start("deadline", says_more, tmp_path / "deadline.log", shown=True)
    assert await unless_one_ends([child], asyncio.sleep(0, "done")) == "done"
    await child.wait()
    assert child.log.read_text() == "first\nsecond\n"


async def test_a_process_that_does_not_stop_when_asked_is_killed(tmp_path: Path) -> None:
    child = await Child.start("deadline", IGNORES_TERM, tmp_path / "deadline.log")

    async def started() -> bool:
        return bool(child.log.read_bytes())

    await child.until(started, seconds=30)
    await child.stop(seconds=0.2)
    assert f"(rc={-signal.SIGKILL})" in child.ending()
