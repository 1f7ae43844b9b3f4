"""Why something asked for is not done: the codes that programs of agencies rely on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The `code` of a problem; status, titles and remedies stand in `shared/web/problems.py`."""

    NOT_AUTHENTICATED = "not-authenticated"
    NOT_PERMITTED = "not-permitted"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    ALREADY_EXISTS = "already-exists"
    WRONG_STAGE = "wrong-stage"
    EXTENSION_ALREADY_USED = "extension-already-used"
    EXTENSION_PENDING = "extension-pending"
    DEADLINE_PASSED = "deadline-passed"
    NO_DEADLINE = "no-deadline"
    EXPLANATION_REQUIRED = "explanation-required"
    TASK_FULL = "task-full"
    VERSION_CONFLICT = "version-conflict"
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch"
    VALIDATION = "validation"
    PAYLOAD_TOO_LARGE = "payload-too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal-error"


class FieldCode(StrEnum):
    """What is wrong with one field, where only the office's state can tell; texts in `shared/web/problems.py`."""

    UNKNOWN_AGENCY = "unknown-agency"
    UNKNOWN_ACCOUNT = "unknown-account"
    UNKNOWN_TASK = "unknown-task"
    NOT_A_LEADER = "not-a-leader"
    NOT_AN_OFFICER = "not-an-officer"
    OTHER_AGENCY = "other-agency"
    SAME_AGENCY = "same-agency"
    DUPLICATE_AGENCY = "duplicate-agency"
    IN_THE_PAST = "in-the-past"
    NOT_LATER = "not-later"
    NOT_RECALLED = "not-recalled"
    MISSING = "missing"
    NOT_ALLOWED = "not-allowed"
    CIRCLE = "circle"
    LAST_ADMINISTRATOR = "last-administrator"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - a code


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A field by its path in the body (`items.3.lead_agencies`) and what is wrong with it."""

    field: str
    code: FieldCode


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of the office, not an error of the program
    """The office declines an act; nothing was changed."""

    def __init__(self, code: Code, *fields: FieldProblem) -> None:
        super().__init__(code.value, *fields)
        self.code = code
        self.fields = fields


def invalid(field: str, code: FieldCode) -> Refusal:
    """Return the refusal of one field that only the office's state can judge."""
    return Refusal(Code.VALIDATION, FieldProblem(field, code))
