"""The field types that several bodies of the directory share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, Secret

from services.assignment.directory.passwords import LONGEST, SHORTEST
from services.assignment.directory.rules.account import LONGEST_USERNAME
from shared.web.fields import Line, normalised

NewPassword = Secret[
    Annotated[
        str,
        Field(strict=True, min_length=SHORTEST, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
        AfterValidator(normalised),
    ]
]
CurrentPassword = Secret[Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST)]]
NewUsername = Annotated[str, Line(LONGEST_USERNAME, r"^[a-z0-9][a-z0-9._-]*$")]
ShortName = Annotated[str, Line(100)]
Email = Annotated[str, Line(254, r"^[^@\s]+@[^@\s]+$")]

UNCHANGED: Final[Any] = None


def unchanged() -> Any:
    """Return the default of a field of a change.

    It is never read: only the fields that were sent are. A factory makes it, so that the OpenAPI schema shows none.
    """
    return Field(default_factory=lambda: UNCHANGED)
