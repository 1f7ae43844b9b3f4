"""The codes of agencies: one whatever their case, and kept as they were first written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def folded_code(code: str) -> str:
    """Return the form in which codes are compared. Old codes may have letters beyond ASCII; new ones have none."""
    return code.lower() if code.isascii() else code.casefold()


@dataclass(frozen=True, slots=True)
class Codes:
    """The agencies that were found: their codes as they were first written, and which of them a folded form names.

    The two are kept apart: of old agencies `STC` and `stc`, only the first has the folded form `stc`.
    """

    codes: frozenset[str] = frozenset()
    by_folded: Mapping[str, str] = field(default_factory=dict)

    def written(self, code: str) -> str:
        """Return the code as it was first written; a code that no agency has stays as it is."""
        return code if code in self.codes else self.by_folded.get(folded_code(code), code)

    def known(self) -> frozenset[str]:
        """Return the codes that belong to an agency, as they were first written."""
        return self.codes
