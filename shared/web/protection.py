"""The headers that tell browsers and caches what they must not do with an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

_NOSNIFF: Final = {"X-Content-Type-Options": "nosniff"}
PERSONAL: Final[Mapping[str, str]] = MappingProxyType({**_NOSNIFF, "Cache-Control": "no-store"})
"""For what only the caller may read. Nothing between a service and its caller keeps it."""
PUBLIC: Final[Mapping[str, str]] = MappingProxyType(
    {**_NOSNIFF, "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
)
"""For pages that everybody may read. A page that shows something has a policy of its own."""
_PERSONAL_PATHS: Final = "/v1/"

RawHeaders = Iterable[tuple[bytes, bytes]]


def protected(path: str, headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer, with those that its path needs and that it has not set itself."""
    given = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in given}
    needed = _RAW_PERSONAL if path.startswith(_PERSONAL_PATHS) else _RAW_PUBLIC
    return given + [header for header in needed if header[0] not in names]


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_RAW_PERSONAL: Final = _raw(PERSONAL)
_RAW_PUBLIC: Final = _raw(PUBLIC)
