"""The field types that several bodies of the directory share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, Secret

from services.assignment.directory.rules.account import LONGEST_USERNAME, folded_username
from services.assignment.directory.rules.password import LONGEST
from shared.web.fields import Line, normalised

NewPassword = Secret[
    Annotated[
        str,
        Field(strict=True, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
        AfterValidator(normalised),
    ]
]
"""A password to be set. `quality.py` judges it, also by the username."""
CurrentPassword = Secret[Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST)]]
NewUsername = Annotated[str, Line(LONGEST_USERNAME, r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), AfterValidator(folded_username)]
UsernameInPath = Annotated[str, AfterValidator(folded_username)]
NewAgencyCode = Annotated[str, Line(50, r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
ShortName = Annotated[str, Line(100)]
Email = Annotated[str, Line(254, r"^[^@\s]+@[^@\s]+$")]

UNCHANGED: Final[Any] = None


def unchanged() -> Any:
    """Return the default of a field of a change.

    It is never read: only the fields that were sent are. A factory makes it, so that the OpenAPI schema shows none.
    """
    return Field(default_factory=lambda: UNCHANGED)
