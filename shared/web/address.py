"""The address of the caller, also behind gateways."""

from __future__ import annotations

from starlette.requests import Request


def address_of(request: Request, gateways: int) -> str:
    """Return the address of the caller, behind `gateways` gateways of ours; empty if it is unknown.

    Each gateway appends to `X-Forwarded-For` the address from which it was called. Earlier addresses were sent by the
    caller and prove nothing. If the header has fewer addresses than there are gateways, the peer is the caller.
    """
    passed = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    if gateways and len(passed) >= gateways:
        return passed[-gateways]
    return request.client.host if request.client else ""
