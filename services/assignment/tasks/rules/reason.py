"""The reason that a decision needs which does not give what was asked for."""

from __future__ import annotations

from shared.office.refusal import FieldCode, invalid


def require_reason(reason: str | None) -> str:
    """Return the reason; refuse a decision without one."""
    if reason is None:
        raise invalid("reason", FieldCode.MISSING)
    return reason
