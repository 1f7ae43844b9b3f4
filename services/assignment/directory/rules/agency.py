"""An agency, and its place under another agency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.office.refusal import FieldCode, invalid
from shared.office.vocabulary import AgencyKind


@dataclass(frozen=True, slots=True)
class Agency:
    code: str
    name: str
    kind: AgencyKind
    short_name: str | None = None
    parent: str | None = None
    version: int = 1

    def changed(self, changes: Mapping[str, Any]) -> Agency:
        """Return the next version, with the fields that `changes` names; itself if nothing is different."""
        same = replace(self, **changes)
        return self if same == self else replace(same, version=self.version + 1)


def require_valid_parent(agency: Agency, line: Sequence[str]) -> None:
    """Refuse a parent that is unknown, or that is the agency itself or below it.

    `line` holds the codes of the parent and of all agencies above it. It is empty when the parent is unknown.
    """
    if agency.parent is None:
        return
    if not line:
        raise invalid("parent", FieldCode.UNKNOWN_AGENCY)
    if agency.code in line:
        raise invalid("parent", FieldCode.CIRCLE)
