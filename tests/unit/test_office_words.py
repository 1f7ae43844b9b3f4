"""A text is found by any beginning of any of its words, without regard to case and diacritics."""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.office.words import LONGEST, folded, words_asked, words_of

TITLE: Final = "Báo cáo tình hình giải ngân vốn đầu tư công quý IV"
FOUND: Final = (
    (TITLE, "giải ngân"),
    (TITLE, "giai ngan"),
    (TITLE, "GIẢI NGÂN"),
    (TITLE, "Giai Ngân"),
    (TITLE, normalize("NFD", "giải ngân")),
    (normalize("NFD", TITLE), "giải ngân"),
    (normalize("NFD", TITLE), normalize("NFC", "ĐẦU TƯ")),
    (TITLE, "ngân giải"),
    (TITLE, "gia ng"),
    (TITLE, "b"),
    (TITLE, "dau tu"),
    (TITLE, "ĐAU tu"),
    (TITLE, "Ðầu"),
    (TITLE, "quy iv"),
    (TITLE, "  công \u00a0 vốn  "),
    (TITLE, "cáo, báo!"),
    ("Đường Điện Biên Phủ", "duong dien bien phu"),
    ("Đường Điện Biên Phủ", "đường ĐIỆN"),
    ("Ðường tránh", "đường"),
    ("Uỷ ban nhân dân", "ủy ban"),
    ("Ủy ban nhân dân", "uỷ ban"),
    ("thuở ấy ước mơ", "thuo uoc"),
    ("nghiêng ngả khuyết", "nghieng khuyet"),
    ("ＳＴＣ báo cáo", "stc"),
    ("giải\u200bngân", "giaingan"),
    ("chuyển\u00adđổi số", "chuyendoi"),
    ("giải phóng mặt bằng (đợt 2)", "dot 2"),
    ("sách,đầu tư", "dau"),
    ("“Xanh - sạch - đẹp”", "sach dep"),
    ("Straße", "STRASSE"),
    ("123/QĐ-UBND", "123"),
    ("123/QĐ-UBND", "123/qd"),
    ("123/QĐ-UBND", "123/QĐ-UBND"),
    ("123/QĐ-UBND", "qd-ubnd"),
    ("123/QĐ-UBND", "QĐ"),
    ("123/QĐ-UBND", "ubnd"),
    ("123/QĐ\u2011UBND", "123/qđ\u2013ubnd"),
    ("123/QĐ-UBND", "123 ubnd"),
    ("123/QĐ-UBND", "123/"),
    ("15/2026/NĐ-CP-BTC/X", "nd-cp-btc"),
    ("15/2026/NĐ-CP-BTC/X", "15/2026/nđ-cp-btc/x"),
    ("nghị quyết số 18-NQ/TW", "18-nq tw"),
    (f"{'a' * 60} b", "a" * 50),
)
NOT_FOUND: Final = (
    (TITLE, "ngấn sách"),
    (TITLE, "iải"),
    (TITLE, "giaingan"),
    (TITLE, "giải ngân đợt"),
    ("1234/QĐ-UBND", "123/QĐ"),
    ("123/QĐ-UBND", "23"),
    ("123/QĐ-UBND", "bnd"),
    ("123/QĐ-UBND", "123/ubnd"),
)


def is_found(text: str, by: str) -> bool:
    return all(any(word.startswith(asked) for word in words_of(text)) for asked in words_asked(by))


@pytest.mark.parametrize(("text", "by"), FOUND)
def test_a_text_is_found(text: str, by: str) -> None:
    assert words_asked(by)
    assert is_found(text, by)


@pytest.mark.parametrize(("text", "by"), NOT_FOUND)
def test_a_text_is_not_found(text: str, by: str) -> None:
    assert not is_found(text, by)


@pytest.mark.parametrize("text", ["", "  ", "…", "-/-", "(“”)", "\u0301", "__"])
def test_a_text_without_letters_and_digits_has_no_word(text: str) -> None:
    assert (words_of(text), words_asked(text)) == (set(), ())


VIETNAMESE: Final = frozenset("aăâàảãáạằẳẵắặbcdđeêếoôơợuưựyỹĐÐQƯ0123456789/-.,_()\u2011\u00a0 \t\n\u200b\u0301")
TEXTS: Final = st.text(st.sampled_from(sorted(VIETNAMESE)), max_size=80) | st.text(max_size=80)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_a_text_is_found_by_any_beginning_of_any_of_its_words(texts: list[str], data: st.DataObject) -> None:
    written = data.draw(st.sampled_from(texts)).split()
    words = words_of(*texts)
    for word in written:
        beginning = word[: data.draw(st.integers(1, len(word)))]
        form = normalize("NFD" if data.draw(st.booleans()) else "NFC", beginning)
        # Some other letters are not the same again: the capital of the Turkish ı is I.
        forms = [form, form.upper(), form.lower()] if VIETNAMESE.issuperset(word) else [form]
        for asked in words_asked(data.draw(st.sampled_from(forms))):
            assert any(has.startswith(asked) for has in words), (word, beginning, asked)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(TEXTS)
def test_words_are_bounded(text: str) -> None:
    words = words_of(text)
    assert all(0 < len(word) <= LONGEST and not any(map(str.isspace, word)) for word in words)
    assert len(words) <= len(folded(text))
