"""The headers that make a change safe: `If-Match` for a version, `Idempotency-Key` for a retry."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

import orjson
from fastapi import Header
from pydantic import BaseModel, BeforeValidator

STALE = -1
"""The version of an `If-Match` that names none; no version equals it."""

_ETAG = re.compile(r'(?:W/)?"([0-9]{1,15})"', re.ASCII)


def etag(version: int) -> str:
    return f'"{version}"'


def _version_of(header: str | None) -> int | None:
    """Return the version of the header: None without the header or with `*`, STALE if it names no version."""
    if header is None or header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    return int(match[1]) if match else STALE


# Headers, not dependencies: a dependency costs a request as much time as all its other checks.
IfMatch = Annotated[
    int | None,
    Header(alias="If-Match", description='The version the change is for: `"7"`.'),
    BeforeValidator(_version_of, json_schema_input_type=str | None),
]
"""`if_match: IfMatch = None`."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Makes a retry safe: the same key and body are done once.",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
    ),
]
"""`key: IdempotencyKey = None`."""


def fingerprint(route: str, body: BaseModel | dict[str, Any] | None) -> str:
    """Return a digest of the route and the body; the order of the members does not matter.

    Defaults are left out, so that a retry is still the same body after an optional field was added.
    """
    content = body.model_dump(mode="json", exclude_defaults=True) if isinstance(body, BaseModel) else body
    return hashlib.sha256(orjson.dumps([route, content], option=orjson.OPT_SORT_KEYS)).hexdigest()
