"""An agency and its place under another."""

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
        """Return the next version, with the fields that `changes` names."""
        return replace(self, **changes, version=self.version + 1)


def check_parent(agency: Agency, line: Sequence[str]) -> None:
    """Refuse a parent that is unknown or that stands below the agency itself.

    `line` holds the parent and all above it; it is empty when nobody knows the parent.
    """
    if agency.parent is None:
        return
    if not line:
        raise invalid("parent", FieldCode.UNKNOWN_AGENCY)
    if agency.code in line:
        raise invalid("parent", FieldCode.CIRCLE)
