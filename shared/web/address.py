"""The address of the caller, also behind gateways."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from starlette.requests import Request

LONGEST_ADDRESS: Final = 64
"""What is no address is cut to so many characters."""


def address_of(request: Request, gateways: int) -> str:
    """Return the address of the caller, behind `gateways` gateways of ours; empty if it is unknown.

    Each gateway appends to `X-Forwarded-For` the address from which it was called. Earlier addresses were sent by the
    caller and prove nothing. If the header has fewer addresses than there are gateways, the peer is the caller.
    """
    passed = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    if gateways and len(passed) >= gateways:
        return passed[-gateways]
    return request.client.host if request.client else ""


def network_of(address: str) -> str:
    """Return what an address is counted by: an IPv6 address by its /64, which one caller has as a whole.

    An IPv4 address written as an IPv6 one is itself. What is no address is cut to a few characters.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:LONGEST_ADDRESS]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))
