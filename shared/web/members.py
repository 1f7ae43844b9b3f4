"""Members of JSON and fields of a form that are given twice: parsers take the last one and say nothing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

import orjson
from starlette.requests import Request

from shared.office.refusal import Code, FieldCode, Refusal, Violation, invalid


async def require_each_member_once(body: bytes, value: Any) -> None:
    r"""Refuse JSON in which an object has a member twice; `value` is what the JSON was parsed to.

    Each member has a colon. `value` has lost the repeated ones, so when it is written again there are fewer colons.
    A text may hold colons too, but the same ones before and after, unless one is escaped (`\u003a`): such a body is
    read once more in any case, in a thread.

    Raises:
        Refusal: validation, which names a repeated member.

    """
    if _may_repeat_members(body, value):
        await asyncio.to_thread(_read_again, body)


def _may_repeat_members(body: bytes, value: Any) -> bool:
    if b"\\u003" in body:
        return True
    try:
        return orjson.dumps(value).count(b":") != body.count(b":")
    except orjson.JSONEncodeError:
        return True  # it is nested too deep to be written; no body is


def _read_again(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_require_once)
    except RecursionError:
        raise invalid("body", FieldCode.BAD_JSON) from None


def _require_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(members)
    if len(read) != len(members):
        _refuse_repeated(name for name, _ in members)
    return read


async def require_each_field_once(request: Request) -> None:
    """Refuse a form that has a field twice.

    Raises:
        Refusal: validation, which names the repeated fields.

    """
    form = await request.form()
    if len(form) != len(form.multi_items()):
        _refuse_repeated(name for name, _ in form.multi_items())


def _refuse_repeated(names: Iterable[str]) -> NoReturn:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    raise Refusal(Code.VALIDATION, *(Violation(name, FieldCode.GIVEN_TWICE) for name in repeated[:100]))
