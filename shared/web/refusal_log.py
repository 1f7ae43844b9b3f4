"""One line of the log for each request that was not permitted or came too often: who, from where, what."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.requests import Request

from shared.office.refusal import Refusal
from shared.web.http_refusal import HttpRefusal
from shared.web.problem_texts import KINDS

_LOGGED: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_log = structlog.get_logger()


def log_refusal(request: Request, refusal: Refusal) -> None:
    """Log a `403` or a `429`. The account and the address are bound to every line of the request (`route.py`)."""
    already = isinstance(refusal, HttpRefusal) and refusal.is_logged
    if KINDS[refusal.code].status in _LOGGED and not already:
        route: Any = request.scope.get("route")
        path = getattr(route, "path", "unmatched")
        _log.warning("request_refused", code=refusal.code, method=request.method, route=path)
