"""Why something asked for is not done: the codes that programs of agencies rely on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """The `code` of a problem; status, titles and remedies stand in `shared/web/problem_texts.py`."""

    NOT_AUTHENTICATED = "not-authenticated"
    NOT_PERMITTED = "not-permitted"
    PASSWORD_CHANGE_REQUIRED = "password-change-required"  # noqa: S105 - a code
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
    NOTHING_TO_CHANGE = "nothing-to-change"
    VALIDATION = "validation"
    TOO_LARGE = "too-large"
    PAYLOAD_TOO_LARGE = "payload-too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    MALFORMED_REQUEST = "malformed-request"
    REQUEST_TIMEOUT = "request-timeout"
    HEAD_TOO_LARGE = "head-too-large"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal-error"


class FieldCode(StrEnum):
    """What is wrong with one field; the texts stand in `shared/web/field_texts.py`."""

    # What a field shows by itself.
    MISSING = "missing"
    UNKNOWN_FIELD = "unknown-field"
    WRONG_TYPE = "wrong-type"
    NOT_A_TEXT = "not-a-text"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_A_LIST = "not-a-list"
    NOT_AN_OBJECT = "not-an-object"
    EMPTY = "empty"
    TOO_LONG = "too-long"
    TOO_SHORT = "too-short"
    TOO_MANY = "too-many"
    TOO_FEW = "too-few"
    TOO_SMALL = "too-small"
    TOO_LARGE = "too-large"
    NOT_ONE_OF = "not-one-of"
    BAD_FORMAT = "bad-format"
    BAD_DATE = "bad-date"
    BAD_MOMENT = "bad-moment"
    FORBIDDEN_CHARACTERS = "forbidden-characters"
    BAD_JSON = "bad-json"
    BAD_CURSOR = "bad-cursor"
    GIVEN_TWICE = "given-twice"
    ONE_OF_TWO = "one-of-two"
    IDS_OR_UNTIL = "ids-or-until"
    NOTHING_TO_CHANGE = "nothing-to-change"
    TOO_MANY_TASKS = "too-many-tasks"
    INVALID = "invalid"

    # What only the office's state can tell.
    UNKNOWN_AGENCY = "unknown-agency"
    UNKNOWN_ACCOUNT = "unknown-account"
    DISABLED_ACCOUNT = "disabled-account"
    UNKNOWN_TASK = "unknown-task"
    NOT_A_LEADER = "not-a-leader"
    NOT_AN_OFFICER = "not-an-officer"
    SAME_AGENCY = "same-agency"
    DUPLICATE_AGENCY = "duplicate-agency"
    IN_THE_PAST = "in-the-past"
    TOO_FAR = "too-far"
    NOT_LATER = "not-later"
    TOO_EARLY = "too-early"
    TOO_LATE = "too-late"
    UNCHANGED = "unchanged"
    NOT_RECALLED = "not-recalled"
    NOT_ALLOWED = "not-allowed"
    CIRCLE = "circle"
    LAST_ADMINISTRATOR = "last-administrator"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - a code
    SAME_PASSWORD = "same-password"  # noqa: S105 - a code
    COMMON_PASSWORD = "common-password"  # noqa: S105 - a code
    EASY_PASSWORD = "easy-password"  # noqa: S105 - a code
    CONTAINS_USERNAME = "contains-username"


@dataclass(frozen=True, slots=True)
class Violation:
    """A field by its path in the body (`items.3.title`), a `FieldCode`, and the bounds that its text names."""

    field: str
    code: str
    bounds: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of the office, not an error of the program
    """What was asked for is not done; nothing was changed."""

    def __init__(self, code: Code, *violations: Violation) -> None:
        super().__init__(code.value, *violations)
        self.code = code
        self.violations = violations


def invalid(field: str, code: FieldCode, **bounds: Any) -> Refusal:
    """Return the refusal of one field; `bounds` fill the places of its text."""
    return Refusal(Code.VALIDATION, Violation(field, code, bounds))
