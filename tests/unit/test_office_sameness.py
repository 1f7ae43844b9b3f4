"""Which numbers of documents and which fields are the same, and how they are written."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.office.sameness import as_number, same_number_key, same_text_key, without_invisible
from shared.web.fields import DocumentNumber, FieldOfWork, LongText, Title

NUMBERS = (
    "123/QĐ-UBND",
    "123/Q\u00d0-UBND",
    "123/QĐ\u2011UBND",
    "123/QĐ\u2013UBND",
    "123/QĐ\u2212UBND",
    "123/QĐ-\u200bUBND",
    "\ufeff123/QĐ-UBND",
    "123/QĐ-UB\u00adND",
    "123/QĐ-UBND\u00a0",
)
FIELDS = ("Y tế", "Y\u00a0tế", "Y  tế", "Y\u3000tế", "Y \u2009 tế", " Y tế", unicodedata.normalize("NFD", "Y tế"))


def read(kind: Any, text: str) -> Any:
    return TypeAdapter(kind).validate_python(text)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_written_one_way(number: str) -> None:
    assert read(DocumentNumber, number) == "123/QĐ-UBND"


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_written_one_way(field: str) -> None:
    assert read(FieldOfWork, field) == "Y tế"


def test_a_text_keeps_its_blanks_and_dashes_and_loses_what_cannot_be_seen() -> None:
    assert read(LongText, "a\u200b \u00a0b –\n\n\tc\u00ad") == "a \u00a0b –\n\n\tc"
    assert read(Title, "Kế hoạch 2021 – 2025") == "Kế hoạch 2021 – 2025"


def test_case_makes_no_difference_and_is_kept() -> None:
    assert read(DocumentNumber, "123/qđ-ubnd") == "123/qđ-ubnd"
    assert {
        same_number_key(read(DocumentNumber, number)) for number in (*NUMBERS, "123/qđ-ubnd", "123/q\u00f0-ubnd")
    } == {"123/qđ-ubnd"}
    assert {same_text_key(read(FieldOfWork, field)) for field in (*FIELDS, "y tế", "Y TẾ")} == {"y tế"}
    assert same_text_key("Y tế") != same_text_key("Y te")


@pytest.mark.parametrize("number", [*NUMBERS, "123/qđ-ubnd"])
def test_what_was_stored_as_it_was_sent_has_the_same_key(number: str) -> None:
    assert same_number_key(number) == "123/qđ-ubnd"
    assert same_number_key(f"{number} (2026-01-02)") == "123/qđ-ubnd (2026-01-02)"


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_a_key_is_its_own_key(text: str) -> None:
    for key in (same_text_key, same_number_key):
        assert key(key(text)) == key(text) == key(without_invisible(text)) == key(f"  {text} ")


def test_every_dash_that_unicode_has_is_a_dash() -> None:
    dashes = [one for one in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(one) == "Pd"]
    assert len(dashes) > 20
    assert set(map(as_number, dashes)) == {"-"}
