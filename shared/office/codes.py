"""The codes of agencies: one whatever their case, and kept as they were first written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def folded_code(code: str) -> str:
    """Return the form in which codes are compared. Old codes may have letters beyond ASCII; new ones have none."""
    return code.lower() if code.isascii() else code.casefold()


@dataclass(frozen=True, slots=True)
class Codes:
    """The agencies that were found: each code as it was first written, by itself and by its folded form."""

    by_spelling: Mapping[str, str] = field(default_factory=dict)

    def written(self, code: str) -> str:
        """Return the code as it was first written; a code that no agency has stays as it is."""
        return self.by_spelling.get(code) or self.by_spelling.get(folded_code(code)) or code

    def known(self) -> frozenset[str]:
        """Return the codes that belong to an agency, as they were first written."""
        return frozenset(self.by_spelling.values())
