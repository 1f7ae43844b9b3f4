"""The codes of agencies, found in any case."""

from __future__ import annotations

from services.assignment.tasks.api import bodies
from services.assignment.tasks.rules.context import Command
from shared.office.codes import Codes, folded_code


def test_codes_are_one_whatever_their_case() -> None:
    assert folded_code("STC") == folded_code("Stc") == "stc"
    assert folded_code("SỞ-NV") == folded_code("sở-nv")


def test_a_code_is_found_as_it_was_first_written() -> None:
    codes = Codes(frozenset({"STC", "SỞ-NV"}), {"stc": "STC", "sở-nv": "SỞ-NV"})
    assert [codes.written(code) for code in ("STC", "stc", "sTc", "Sở-NV", "SXD")] == [*["STC"] * 3, "SỞ-NV", "SXD"]
    assert codes.known() == {"STC", "SỞ-NV"}


def test_codes_that_differed_in_case_before_are_found_as_they_are_written() -> None:
    codes = Codes(frozenset({"STC", "stc"}), {"stc": "STC"})
    assert [codes.written(code) for code in ("STC", "stc", "Stc")] == ["STC", "stc", "STC"]


def test_whatever_names_agencies_can_be_put_into_the_written_form() -> None:
    assert bodies.BODIES  # every command is defined by now
    commands = Command.__subclasses__()
    naming = {command for command in commands if command.named_agencies is not Command.named_agencies}
    assert {command.__name__ for command in naming} >= {"Assign", "Reassign", "Correct"}
    assert naming == {command for command in commands if command.spelled is not Command.spelled}
