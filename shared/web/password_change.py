"""Who has a one-time password may do nothing but look at the own account and change the password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from shared.office.access import Principal
from shared.office.refusal import Code, Refusal

_ATTRIBUTE: Final = "__before_password_change__"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def before_password_change(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint answer also who still has a one-time password; the decorator goes below that of the route."""
    setattr(endpoint, _ATTRIBUTE, True)
    return endpoint


def require_password_changed(caller: Principal, endpoint: Callable[..., Any]) -> None:
    """Refuse a caller with a one-time password, unless the endpoint is for such callers too.

    Raises:
        Refusal: password-change-required.

    """
    if caller.must_change_password and not hasattr(endpoint, _ATTRIBUTE):
        raise Refusal(Code.PASSWORD_CHANGE_REQUIRED)
