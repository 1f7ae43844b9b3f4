"""A refusal with its own members and headers over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.office.refusal import Code, Refusal, Violation


class HttpRefusal(Refusal):
    """A refusal whose answer has more than the usual problem.

    `members` are further members of the body (OAuth's `error`); `headers` are further headers. `is_logged` says that
    a line of the log tells of it already.
    """

    def __init__(
        self,
        code: Code,
        *violations: Violation,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        is_logged: bool = False,
    ) -> None:
        super().__init__(code, *violations)
        self.members = members or {}
        self.headers = headers or {}
        self.is_logged = is_logged
