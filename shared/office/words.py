"""The words by which a text is found, without regard to case and diacritics: `Giải ngân` has `giai` and `ngan`.

What stands between two blanks and has signs inside, as the number of a document has, makes a word of each of its
parts: the part and those after it. `123/QĐ-UBND` makes `123-qd-ubnd`, `qd-ubnd` and `ubnd`, with every sign written as
`-`. So it is found by `123`, `123/qd`, `QĐ-UBND` and `ubnd`, and `123/QĐ` does not find `1234/QĐ`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from unicodedata import category, normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART: Final = re.compile(r"[^\W_]+")
"""A run of letters and digits."""
_UNSEEN: Final = frozenset({"Mn", "Me", "Cf"})
"""The kinds of characters that no word has: diacritics, and what is not shown."""
_CROSSED: Final = str.maketrans("đð", "dd")
"""Letters that Unicode does not take apart. `Ð` of Icelandic is often written for `Đ`."""
_LINKED: Final = 4
"""How many parts a word has at most."""
LONGEST: Final = 40
"""How many characters of a word count."""


def folded(text: str) -> str:
    """Return the text without case and diacritics; forms that look alike, such as full-width letters, are one."""
    if text.isascii():
        return text.lower()
    apart = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(each for each in apart if category(each) not in _UNSEEN).translate(_CROSSED)


def words_of(*texts: str | None) -> set[str]:
    """Return the words of the texts. A text is found by any beginning of any of them."""
    return {
        _word(parts, at) for text in texts if text for parts in _linked_parts(folded(text)) for at in range(len(parts))
    }


def words_asked(text: str) -> tuple[str, ...]:
    """Return the beginnings of words that a search asks for, each once; none if the text has no letter and no digit."""
    asked = (_word(parts, at) for parts in _linked_parts(folded(text)) for at in range(0, len(parts), _LINKED))
    return tuple(dict.fromkeys(asked))


def _linked_parts(text: str) -> Iterator[list[str]]:
    """Yield the parts of what stands between two blanks."""
    return (_PART.findall(linked) for linked in text.split())


def _word(parts: list[str], at: int) -> str:
    return "-".join(parts[at : at + _LINKED])[:LONGEST]
