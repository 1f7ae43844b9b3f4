"""Cursor pagination: a cursor names the last item of a page, and the filters of the list."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from shared.office.refusal import FieldCode, invalid
from shared.web.fields import QueryNumber

SortValue = datetime | str | int | None
Item = TypeVar("Item")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LONGEST = 2_000

Limit = Annotated[int, Query(ge=1, le=200, description="How many items a page holds."), QueryNumber]
CursorText = Annotated[
    str | None, Query(alias="cursor", max_length=_LONGEST, description="`next_cursor` of the page before.")
]
DEFAULT_LIMIT = 50


class Page(BaseModel, Generic[Item]):
    """One page; `next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None = None


class Position(NamedTuple):
    """The last item of a page: the value that the list is sorted by, and the id, which makes the order total."""

    value: SortValue
    id: str


def write_cursor(position: Position, filters: Mapping[str, Any]) -> str:
    """Return the cursor of the page after `position`; it is valid only with the same filters."""
    value = position.value
    plain = {"at": (value - _EPOCH) // _MILLISECOND} if isinstance(value, datetime) else value
    content = orjson.dumps([plain, position.id, _digest(filters)])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read_cursor(cursor: str | None, filters: Mapping[str, Any]) -> Position | None:
    """Return the last item of the page before; None without a cursor.

    Raises:
        Refusal: the cursor is broken, or was made with other filters.

    """
    if cursor is None:
        return None
    try:
        content = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        value, item, digest = content
        position = Position(_sort_value(value), item)
    except (ValueError, TypeError, KeyError):
        raise invalid("cursor", FieldCode.BAD_CURSOR) from None
    if digest != _digest(filters) or not isinstance(item, str):
        raise invalid("cursor", FieldCode.BAD_CURSOR)
    return position


def split_page(
    found: Sequence[Item], limit: int, filters: Mapping[str, Any], position_of: Callable[[Item], Position]
) -> tuple[list[Item], str | None]:
    """Split up to `limit + 1` items into a page and the cursor of the next page, which is None on the last."""
    page = list(found[:limit])
    return page, write_cursor(position_of(page[-1]), filters) if len(found) > limit else None


def _sort_value(value: Any) -> SortValue:
    if isinstance(value, dict):
        milliseconds = value["at"]
        if type(milliseconds) is not int or not 0 <= milliseconds <= _LATEST:
            raise ValueError("not a moment")
        return _EPOCH + milliseconds * _MILLISECOND
    if value is None or isinstance(value, str) or (type(value) is int and abs(value) < 1 << 63):
        return value
    raise ValueError("not a value to sort by")


def _digest(filters: Mapping[str, Any]) -> str:
    content = orjson.dumps(dict(filters), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return hashlib.sha256(content).hexdigest()[:16]
