"""How the office writes lines and numbers of documents, and when two of them are the same."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What Unicode calls default ignorable: zero width, soft hyphen, byte order mark, variation selectors."""
_DASHES: Final = (
    "\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2053\u207b\u208b\u2212\u2e17\u2e1a\u2e3a\u2e3b"
    "\u2e40\u2e5d\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010d6e\U00010ead"
)
_OF_A_NUMBER: Final = str.maketrans(
    # Eth and the African letter look as the Vietnamese one does, and keyboards offer them.
    {**dict.fromkeys(_DASHES, "-"), "\u00d0": "Đ", "\u00f0": "đ", "\u0189": "Đ", "\u0256": "đ"}
)


def without_invisible(text: str) -> str:
    """Take out what cannot be seen and has no width."""
    return _INVISIBLE.sub("", text)


def one_line(text: str) -> str:
    """Make blanks of every kind, and several of them, one space; trim."""
    return " ".join(text.split())


def as_number(text: str) -> str:
    """Write a document's number as the office does: every dash is `-`, and `Ð` is `Đ`."""
    return text.translate(_OF_A_NUMBER)


def same_text_key(text: str) -> str:
    """Return what is equal for lines that are the same: those that differ only in case.

    Records of earlier versions hold texts as they were sent. Therefore what is normalised at input today is also
    normalised here.
    """
    return normalize("NFC", one_line(without_invisible(text)).casefold())


def same_number_key(text: str) -> str:
    """Return what is equal for numbers of documents that are the same."""
    return same_text_key(as_number(text))
