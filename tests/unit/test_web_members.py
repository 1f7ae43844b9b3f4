"""A member of JSON that is given twice is found, and only such a one."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.office.refusal import Refusal
from shared.web import members
from shared.web.members import require_each_member_once


async def repeated_in(body: bytes) -> list[str]:
    """Return the members that are said to be repeated."""
    try:
        await require_each_member_once(body, orjson.loads(body))
    except Refusal as refusal:
        return [violation.field for violation in refusal.violations]
    return []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1, "a": 1}', ["a"]),
        (b'{"a": 1, "b": {"a": 1}}', []),
        (b'[{"a": 1}, {"a": 1}]', []),
        (b'[{"a": ":::"}, {"a": "\\":"}]', []),
        (b'{"a": "\\u003a\\u003A"}', []),
        (b'{"a": "\\\\u003a"}', []),
        (b'{"a": 1, "a": "\\u003a"}', ["a"]),
        (b'{"a": "::", "a": "\\u003A\\u003a\\u003a"}', ["a"]),
        (b'{"a": {"c": 1, "d": 1}, "b": {"c": 1, "d": 1, "c": 1}}', ["c"]),
        (b'{"\\u0061": 1, "a": 1}', ["a"]),
        (b'{"": 1, "": 1}', [""]),
        (b'{"a:": 1, "a:": 1}', ["a:"]),
        (b'{"a": 1, "b": 2, "a": 1, "b": 2}', ["a", "b"]),
        (b'{"a": [{}, {"b": [], "b": []}], "a": {}}', ["b"]),
        (b"[" * 900 + b'{"a": 1}' + b"]" * 900, []),
        (b'{"a": 18446744073709551617, "b": 1e5}', []),
        (b"[]", []),
        (b'":"', []),
    ],
)
async def test_a_member_given_twice_is_named(body: bytes, expected: list[str]) -> None:
    assert await repeated_in(body) == expected


class Pairs(list[tuple[str, Any]]):
    """The members of an object in order, with repeats."""

    def to_json(self) -> str:
        return "{" + ", ".join(f"{json.dumps(name)}: {to_json(value)}" for name, value in self) + "}"


def to_json(value: Any) -> str:
    if isinstance(value, Pairs):
        return value.to_json()
    if isinstance(value, list):
        return "[" + ", ".join(map(to_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def repeats(value: Any) -> bool:
    if isinstance(value, Pairs):
        names = [name for name, _ in value]
        return len(names) != len(set(names)) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


_TEXTS = st.text(st.sampled_from('ab:\\"u3ế\n'), max_size=4)
_VALUES = st.recursive(
    st.none() | st.integers(-5, 5) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_TEXTS, inner), max_size=4).map(Pairs),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(_VALUES)
async def test_repeats_are_found_wherever_they_are_and_only_they(value: Any) -> None:
    assert bool(await repeated_in(to_json(value).encode())) == repeats(value)


async def test_a_usual_body_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(members, "_read_again")
    items = [{"title": f"Báo cáo: việc {at}", "due_at": "2026-11-24T15:30:00+07:00"} for at in range(100)]
    body = {"items": items, "document": {"number": "1/KH-UBND"}}
    for written in (orjson.dumps(body), json.dumps(body).encode(), json.dumps(body, indent=2).encode()):
        assert await repeated_in(written) == []
