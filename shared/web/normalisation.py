"""One form for one text: keyboards compose Vietnamese letters in more than one way."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category, normalize

_MOST_MARKS: Final = 30
"""As many marks on one letter as Unicode's Stream-Safe Text Format allows (UAX #15); no language needs so many."""
_SUSPECT: Final = re.compile(rf"[^\w\s\x00-\x7f]{{{_MOST_MARKS + 1},}}")
"""What a pile of marks is found among: marks are no letters, digits or spaces, and usual texts hold no such run."""
_PILE: Final = "M" * (_MOST_MARKS + 1)


class TooManyMarksError(ValueError):
    """More marks on one letter than any language writes."""


def normalise(text: str) -> str:
    """Return the text in Unicode's form C.

    The form puts the marks on a letter in order, which takes time by the square of their number: 40,000 of them take
    seconds. That many are therefore refused before.

    Raises:
        TooManyMarksError: the text is none.

    """
    if any(_PILE in _kinds(match.group()) for match in _SUSPECT.finditer(text)):
        raise TooManyMarksError
    return normalize("NFC", text)


def _kinds(text: str) -> str:
    """Return a letter for each character: `M` for a mark."""
    return "".join(category(character)[0] for character in text)
