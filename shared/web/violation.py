"""What is wrong with one field, and the exception that carries such findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.office.refusal import Code


@dataclass(frozen=True, slots=True)
class Violation:
    """A field by its path (`items.3.title`), the code of what is wrong, and the bounds its text names."""

    field: str
    code: str
    bounds: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class ProblemError(Exception):
    """Ends a request with a problem.

    `members` are further members of the answer (OAuth's `error`), `headers` go out with it.
    """

    def __init__(
        self,
        code: Code,
        *violations: Violation,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.violations = violations
        self.members = members or {}
        self.headers = headers or {}


def invalid_input(field_path: str, code: str) -> ProblemError:
    """Return the problem of one field that is wrong by itself."""
    return ProblemError(Code.VALIDATION, Violation(field_path, code))
