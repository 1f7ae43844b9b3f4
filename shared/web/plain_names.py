"""The name of a field in an answer. A caller may have invented it, so it is repeated only if it is plain."""

from __future__ import annotations

import re
from typing import Final

UNNAMED: Final = "_"
"""Stands for a name that is not plain."""
_LONGEST: Final = 60
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


def plain_path(path: str) -> str:
    """Return the path of a field, such as `items.3.title`, of at most 60 plain characters.

    What is not plain is `_`: `document._`. Of a path that is too long, its beginning is kept, with `_` for the rest.
    """
    if len(path) <= _LONGEST and _PLAIN.fullmatch(path):
        return path
    kept: list[str] = []
    for part in path[: 2 * _LONGEST].split("."):
        plain = part if _PLAIN.fullmatch(part) else UNNAMED
        if len(".".join([*kept, plain, UNNAMED])) > _LONGEST:
            return ".".join([*kept, UNNAMED])
        kept.append(plain)
    return ".".join(kept)
