"""What `make run` shows on the terminal."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.output import Output, is_routine
from deploy.local.progress import say


@pytest.mark.parametrize(
    ("line", "routine"),
    [
        (b'{"method":"GET","status":200,"event":"request","level":"info"}\n', True),
        (b'{"route":"/v1/tasks","event":"request_failed","level":"error"}\n', False),
        (b'{"event":"broker_away","level":"warning"}\n', False),
        (b"Traceback (most recent call last):\n", False),
    ],
)
def test_only_requests_that_went_as_they_should_are_left_to_the_log_file(line: bytes, *, routine: bool) -> None:
    assert is_routine(line) is routine


def test_a_line_is_shown_also_when_its_log_file_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Output("deadline", tmp_path / "forgotten" / "deadline.log").write(b"SIGTERM received\n")
    assert capsys.readouterr().out.endswith(" deadline     | SIGTERM received\n")


async def test_the_log_file_has_every_byte_of_lines_however_long_and_of_one_that_was_cut_off(tmp_path: Path) -> None:
    log = tmp_path / "deadline.log"
    written = b"first\n" + b"x" * 300_000 + b"\n\xff\xfe not UTF-8\ncut o"
    stream = asyncio.StreamReader()
    stream.feed_data(written)
    stream.feed_eof()
    await Output("deadline", log).follow(stream)
    assert log.read_bytes() == written


@pytest.fixture
def dead_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Closing it fails as well: it tries once more to write what it still holds.
    with contextlib.suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        yield


@pytest.mark.usefixtures("dead_terminal")
def test_a_terminal_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    log = tmp_path / "deadline.log"
    say("stopping ...")
    Output("deadline", log).write(b"SIGTERM received\n")
    assert log.read_bytes() == b"SIGTERM received\n"
