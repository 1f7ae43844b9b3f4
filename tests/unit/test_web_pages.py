"""Cursors hold their place, and only in the list they were made for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.office.refusal import Refusal
from shared.web.pages import Position, SortValue, read_cursor, split_page, write_cursor

FILTERS = {"stage": "assigned", "since": datetime(2026, 1, 1, tzinfo=UTC), "agency": None}


def forged(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


@pytest.mark.parametrize("value", [datetime(2026, 11, 24, 1, 2, 3, 4000, UTC), "chữ", 7, None])
def test_a_cursor_brings_back_the_position(value: SortValue) -> None:
    position = Position(value, "0190-a")
    assert read_cursor(write_cursor(position, FILTERS), FILTERS) == position


def test_no_cursor_is_the_first_page() -> None:
    assert read_cursor(None, FILTERS) is None


def test_a_cursor_of_other_filters_is_refused() -> None:
    cursor = write_cursor(Position(1, "a"), FILTERS)
    for other in (FILTERS | {"stage": "reported"}, {}):
        with pytest.raises(Refusal) as caught:
            read_cursor(cursor, other)
        assert [found.field for found in caught.value.violations] == ["cursor"]


def test_a_forged_cursor_is_refused() -> None:
    digest = orjson.loads(base64.urlsafe_b64decode(write_cursor(Position(1, "a"), {}) + "=="))[2]
    values: list[object] = [{"$gt": ""}, {"at": "x"}, {"at": 10**18}, {"at": -1}, 2**63, 1.5, [], True]
    for value in values:
        with pytest.raises(Refusal):
            read_cursor(forged([value, "a", digest]), {})
    with pytest.raises(Refusal):
        read_cursor(forged([1, {"$ne": 1}, digest]), {})


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_at_all_breaks_the_reading(cursor: str) -> None:
    with pytest.raises(Refusal):
        read_cursor(cursor, FILTERS)


def test_a_page_ends_where_the_next_begins() -> None:
    found = [Position(3, "c"), Position(2, "b"), Position(1, "a")]
    items, cursor = split_page(found, 2, FILTERS, lambda last: last)
    assert items == found[:2]
    assert read_cursor(cursor, FILTERS) == Position(2, "b")
    assert split_page(found, 3, FILTERS, lambda last: last) == (found, None)
