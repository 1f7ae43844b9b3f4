"""The lines of the log that tell of sign-ins; the address is bound to every line of the request.

They never hold a password or a secret. A name that was typed in is cut, and signs that no username has are replaced.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import structlog

from shared.office.refusal import Code

_LONGEST: Final = 60
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9._@-]")
_log = structlog.get_logger()


class Attempted(StrEnum):
    """What was attempted with a password or a secret; the names of events begin with it."""

    SIGN_IN = "sign_in"
    PASSWORD_CHANGE = "password_change"  # noqa: S105 - a name


class Why(StrEnum):
    """Why an attempt failed. Only the log says so: the answer is the same for all."""

    NO_ACCOUNT = "no-account"
    WRONG_PROOF = "wrong-proof"
    DISABLED = "disabled"
    EXPIRED = "one-time-password-expired"


def done(attempted: Attempted, username: str) -> None:
    _log.info(f"{attempted}_done", username=username)


def failed(attempted: Attempted, username: str, why: Why) -> None:
    _log.warning(f"{attempted}_failed", username=plain(username), why=why)


def held_up(attempted: Attempted, username: str, code: Code) -> None:
    """Log an attempt whose proof was not looked at."""
    _log.warning(f"{attempted}_held_up", username=plain(username), code=code)


def plain(username: str) -> str:
    """Return a name that was typed in as the log may hold it."""
    return _NOT_PLAIN.sub("?", username[:_LONGEST])
