"""The headers that make a change safe: `If-Match` for a version, `Idempotency-Key` for a retry."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

import orjson
from fastapi import Header
from pydantic import BaseModel, BeforeValidator
from pydantic_core import PydanticCustomError

from shared.office.refusal import FieldCode

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_EACH_TAG = re.compile(r'(W/)?"([^"]*)"')
_VERSION = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)


def etag(version: int) -> str:
    return f'"{version}"'


def _versions_of(lines: list[str] | None) -> frozenset[int] | None:
    """Return the versions that the lines of a header name; None without the header, or with `*`: any version will do.

    A weak tag names no version, and neither does one that is not written as `etag` writes it: tags are compared
    character by character (RFC 9110, 8.8.3.2 and 13.1.1).
    """
    if lines is None:
        return None
    header = ",".join(lines)
    if header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        raise PydanticCustomError(FieldCode.BAD_FORMAT, "not a list of entity tags")
    return frozenset(int(tag) for weak, tag in _EACH_TAG.findall(header) if not weak and _VERSION.fullmatch(tag))


# Headers, not dependencies: a dependency costs a request as much time as all its other checks.
IfMatch = Annotated[
    frozenset[int] | None,
    Header(alias="If-Match", description='The version the change is for: `"7"`; or several, or `*` for any.'),
    BeforeValidator(_versions_of, json_schema_input_type=str | None),
]
"""`if_match: IfMatch = None`: the versions for one of which the change is; None for any."""

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
