"""How a command ends, whatever happens in it."""

from __future__ import annotations

import argparse

import pytest

from services.deadline.settings import DeadlineSettings
from shared.commands.command import Exit, OperatorCommand, UnavailableError
from shared.commands.command_line import run


def _ends(error: Exception) -> int:
    def fail(_arguments: argparse.Namespace) -> int:
        raise error

    command = OperatorCommand("try", "Try.", lambda _parser: None, fail)
    return run(DeadlineSettings, lambda _settings: pytest.fail("it serves"), [command], ["try"])


def test_a_server_that_is_away_is_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(UnavailableError("assignment does not answer")) == Exit.UNAVAILABLE
    assert capsys.readouterr().err == "assignment does not answer\n"


def test_a_fault_of_the_program_does_not_end_as_differences_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(KeyError("items")) == Exit.BROKEN
    assert "KeyError: 'items'" in capsys.readouterr().err
