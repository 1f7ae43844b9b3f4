"""Where a request comes from, also behind gateways."""

from __future__ import annotations

from starlette.requests import Request


def address_of(request: Request, gateways: int) -> str:
    """Return the address of the caller, with `gateways` of ours in front; empty when nobody can say.

    Each gateway adds, at the end of `X-Forwarded-For`, the address that it was called from. What stands before theirs
    was sent by the caller and proves nothing; a request that passed too few of them came from its peer.
    """
    passed = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    if gateways and len(passed) >= gateways:
        return passed[-gateways]
    return request.client.host if request.client else ""
