"""What `make run` shows on the terminal."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from honcho.printer import Message

from deploy.local.foreman import _is_routine, _LogPrinter


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
    assert _is_routine(line) is routine


def test_a_line_is_shown_also_when_its_log_file_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Message("line", "SIGTERM received\n", datetime.now(UTC), "system", None)
    _LogPrinter(tmp_path / "forgotten").write(told)
    assert capsys.readouterr().out.endswith("system | SIGTERM received\n")
