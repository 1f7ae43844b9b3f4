"""What a person's password must be: long enough, none of the common ones, without the username."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from shared.office.refusal import FieldCode, invalid
from shared.office.words import folded

LONGEST: Final = 128
_MOST_ADDED: Final = 8
"""How many digits and signs make no new password of a common word: `Hanoi2026`, `matkhau@01011990`."""
_LOOKALIKES: Final = str.maketrans("@$", "as")
"""Signs that many people write for a letter: `m@tkhau`."""
_LEAST_OF_USERNAME: Final = 4
"""A shorter username may stand in a password by chance."""


def _words(name: str) -> tuple[str, ...]:
    folder = files("services.assignment.directory").joinpath("words")
    return tuple(folder.joinpath(name).read_text(encoding="utf-8").split())


COMMON: Final = _words("common.txt")
"""Passwords and words that many people in Vietnam use, folded; the list of zxcvbn has those of the world."""
_WHOLE: Final = frozenset(COMMON)
_WORDS: Final = _WHOLE.union(_words("places.txt"))


def require_fit(field: str, password: str, username: str, shortest: int) -> None:
    """Refuse a password that is too short, has the username in it, is common, or has no letter.

    Raises:
        Refusal: validation; its one violation says which.

    """
    if len(password) < shortest:
        raise invalid(field, FieldCode.TOO_SHORT, min_length=shortest)
    if _has_username(password, username):
        raise invalid(field, FieldCode.CONTAINS_USERNAME)
    if _is_common(folded(password)):
        raise invalid(field, FieldCode.COMMON_PASSWORD)
    if not any(map(str.isalpha, password)):  # a telephone number, a day of birth
        raise invalid(field, FieldCode.EASY_PASSWORD)


def _has_username(password: str, username: str) -> bool:
    within, name = _letters_and_digits(folded(password)), _letters_and_digits(folded(username))
    return name == within or (len(name) >= _LEAST_OF_USERNAME and name in within)


def _is_common(password: str) -> bool:
    whole = "".join(password.split())
    return whole in _WHOLE or any(_is_word(form) for form in (whole, whole.translate(_LOOKALIKES)))


def _is_word(password: str) -> bool:
    """Whether a password is a common word with a few digits and signs."""
    letters = "".join(filter(str.isalpha, password))
    return letters in _WORDS and len(password) - len(letters) <= _MOST_ADDED


def _letters_and_digits(text: str) -> str:
    return "".join(filter(str.isalnum, text))
