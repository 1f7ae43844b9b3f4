"""Text is composed at a cost that grows no faster than the text."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.web import normalisation
from shared.web.normalisation import TooManyMarksError, normalise

PILE = "a" + "\u0301\u0316" * 500_000
MARKS = st.sampled_from(["\u0301", "\u0316", "\u0323", "\u031b", "\u0f73", "\u0f71", "\u3099"])


def test_decomposed_vietnamese_is_normalised() -> None:
    text = "Đề nghị Ủy ban nhân dân tỉnh xây dựng phương án " * 200
    decomposed = unicodedata.normalize("NFD", text)
    assert len(decomposed) > len(text)
    assert normalise(decomposed) == text


@pytest.mark.parametrize("pile", [PILE, "\u0f73" * 1_000_000, "Việc " + "\u0323" * 31, "…" * 40 + "\u0301" * 31])
def test_a_pile_of_marks_is_refused_before_it_is_normalised(pile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(normalisation, "normalize")
    with pytest.raises(TooManyMarksError):
        normalise(pile)


def test_thirty_marks_on_a_letter_are_taken_and_so_are_many_signs_that_are_no_marks() -> None:
    for text in ("a" + "\u0316" * 30, ("a" + "\u0316" * 30) * 100, "…" * 1_000, "—\u0316" * 1_000):
        assert normalise(text) == unicodedata.normalize("NFC", text)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.one_of(MARKS, st.characters(), st.text(MARKS, min_size=28, max_size=33))).map("".join))
def test_what_is_composed_is_in_the_one_form_and_what_is_refused_holds_a_pile(text: str) -> None:
    kinds = "".join(unicodedata.category(character)[0] for character in text)
    if "M" * 31 in kinds:
        with pytest.raises(TooManyMarksError):
            normalise(text)
    else:
        assert normalise(text) == unicodedata.normalize("NFC", text)


def test_every_character_that_composing_may_move_counts_as_a_mark() -> None:
    """What is moved are characters of a combining class, or what begins with one when taken apart."""
    characters = map(chr, range(sys.maxunicode + 1))
    moved = [one for one in characters if unicodedata.combining(unicodedata.normalize("NFD", one)[0])]
    assert {"\u0301", "\u0f73"} < set(moved)
    for one in moved:
        with pytest.raises(TooManyMarksError):
            normalise(one * 31)
