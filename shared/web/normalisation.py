"""Normalisation of texts to NFC: keyboards write Vietnamese letters in more than one way."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category, normalize

_MOST_MARKS: Final = 30
"""The limit of Unicode's Stream-Safe Text Format (UAX #15); no language needs so many marks on one letter."""
_RUN: Final = re.compile(r"[^\w\s\x00-\x7f]+")
"""Runs that may consist of marks: marks are not letters, digits or spaces. In usual texts they are short.

The pattern has no least length: the search would then read each shorter run again from each of its characters.
"""
_PILE: Final = "M" * (_MOST_MARKS + 1)


class TooManyMarksError(ValueError):
    """There are more marks on one letter than any language writes."""


def normalise(text: str) -> str:
    """Return the text in NFC.

    Normalisation sorts the marks on a letter in quadratic time: 40,000 marks take seconds. Therefore a text with too
    many marks on one letter is refused first.

    Raises:
        TooManyMarksError: there are more marks on one letter than any language writes.

    """
    runs = (match.group() for match in _RUN.finditer(text))
    if any(len(run) > _MOST_MARKS and _PILE in _categories(run) for run in runs):
        raise TooManyMarksError
    return normalize("NFC", text)


def _categories(text: str) -> str:
    """Return the first letter of each character's category; it is `M` for a mark."""
    return "".join(category(character)[0] for character in text)
