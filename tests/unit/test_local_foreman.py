"""What `make run` shows on the terminal."""

import pytest

from deploy.local.foreman import _is_routine


@pytest.mark.parametrize(
    ("line", "routine"),
    [
        (b'{"method":"GET","status":200,"event":"request","level":"info"}\n', True),
        (b'{"route":"/v1/tasks","event":"request failed","level":"error"}\n', False),
        (b'{"event":"broker_away","level":"warning"}\n', False),
        (b"Traceback (most recent call last):\n", False),
    ],
)
def test_only_requests_that_went_as_they_should_are_left_to_the_log_file(line: bytes, *, routine: bool) -> None:
    assert _is_routine(line) is routine
