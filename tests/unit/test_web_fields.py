"""What comes out of a field is clean, whatever went in."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.web import fields
from shared.web.fields import AgencyCode, Body, DayField, LongText, Maybe, MomentField, Note, Title, Username

_FORBIDDEN = {"Cc", "Cs"}


class Remark(Body):
    note: Maybe[Note] = None


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refuses(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        read(kind, value)
    return caught.value.errors()[0]["type"]


def test_text_is_composed_and_trimmed() -> None:
    assert read(Title, "  Xây du\u031b\u0323ng \u00a0") == "Xây dựng"


def test_lines_may_break_in_a_text_but_not_in_a_title() -> None:
    assert read(LongText, "a\r\nb\rc\td\n") == "a\nb\nc\td"
    for between in "\n\t\r\u2028\u2029":
        assert refuses(Title, f"a{between}b") == "forbidden-characters"


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800", "\u202e", "\u2066", "\ufdd0", "\uffff", "\U0010fffe"],
)
def test_characters_that_deceive_or_break_are_refused(character: str) -> None:
    assert refuses(Title, f"a{character}b") == "forbidden-characters"
    assert refuses(LongText, f"a{character}b") == "forbidden-characters"


@pytest.mark.parametrize("blank", ["", "   ", "\u200b", "\n\t", "\ufeff \u2060"])
def test_what_cannot_be_seen_is_empty(blank: str) -> None:
    assert refuses(Title, blank) == "string_too_short"
    assert Remark.model_validate({"note": blank}).note is None


def test_an_optional_text_of_control_characters_is_not_absent() -> None:
    with pytest.raises(ValidationError):
        Remark.model_validate({"note": " \x00"})


def test_the_length_is_that_of_the_composed_text() -> None:
    assert len(read(Title, "e\u0301" * 1_000)) == 1_000
    assert refuses(Title, "é" * 1_001) == "string_too_long"


def test_decomposed_vietnamese_is_taken_and_composed() -> None:
    text = "Rà soát, hoàn thiện phương án sắp xếp đơn vị"
    assert read(Title, unicodedata.normalize("NFD", text)) == text


@pytest.mark.parametrize("kind", [Title, LongText, Note, Username, AgencyCode])
def test_a_pile_of_marks_is_refused_however_large(kind: Any) -> None:
    pile = "a" + "\u0301\u0316" * 20
    assert refuses(kind, pile) == "forbidden-characters"
    assert refuses(kind, pile * 20_000) == "string_too_long"


def test_a_text_far_too_long_is_not_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(Title, "α\u0313\u0300\u0345" * 1_000)
    monkeypatch.delattr(fields, "normalise")
    assert refuses(Title, "e\u0301" * 2_001) == "string_too_long"
    assert refuses(Title, "\x00" * 4_001) == "string_too_long"


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_whatever_is_taken_is_clean(text: str) -> None:
    try:
        taken = read(LongText, text)
    except ValidationError:
        return
    assert taken == unicodedata.normalize("NFC", taken).strip() != ""
    assert not {unicodedata.category(character) for character in taken if character not in "\n\t"} & _FORBIDDEN
    assert read(LongText, taken) == taken


@pytest.mark.parametrize("value", [1, 1.5, True, None, b"x", [], {"$gt": ""}])
def test_only_a_text_is_a_text(value: object) -> None:
    assert refuses(Title, value) == "string_type"


def test_a_day_is_written_one_way() -> None:
    assert read(DayField, "2026-11-24") == date(2026, 11, 24)
    for wrong in (
        "2026-11-24T00:00:00",
        "20261124",
        "2026-W48-2",
        "24/11/2026",
        "2026-02-29",
        "1999-12-31",
        "2101-01-01",
        "٢٠٢٦-١١-٢٤",
        " 2026-11-24",
        "",
        20261124,
        0,
        None,
        True,
    ):
        assert refuses(DayField, wrong) == "bad-date", wrong


def test_a_moment_names_its_offset() -> None:
    expected = datetime(2026, 11, 24, 8, 30, 0, 123000, UTC)
    for text in ("2026-11-24T15:30:00.123987654+07:00", "2026-11-24t08:30:00.123z", "2026-11-24T08:30:00.123-00:00"):
        assert read(MomentField, text) == expected
    for wrong in (
        "2026-11-24T15:30:00",
        "2026-11-24",
        "2026-11-24 15:30:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T23:59:60Z",
        "2026-11-24T00:00:00+25:00",
        "0001-01-01T00:00:00+07:00",
        "9999-12-31T23:59:59-07:00",
        "2026-11-24T15:30Z",
        1790000000,
        1.5,
        None,
    ):
        assert refuses(MomentField, wrong) == "bad-moment", wrong


def test_codes_and_names_stay_within_paths() -> None:
    for code in ("STC", "H20.01", "so-tai_chinh", "SỞ-TC"):
        assert read(AgencyCode, code) == code
    for wrong in ("a b", "a/b", "$gt", ".a", "", "x" * 51, "a\n"[:1] + "\n" + "b"):
        refuses(AgencyCode, wrong)
    assert read(Username, "nguyen.van-a@dongthap.gov.vn")
    for wrong in ("Lan Anh", "lã", "$where", "@", "x" * 101):
        refuses(Username, wrong)
