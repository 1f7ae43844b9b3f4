"""The pieces a write adds for its events."""

from __future__ import annotations

from shared.events.codec import encode
from shared.messaging import outbox
from tests.support.messaging import agency_event


def test_a_new_document_starts_with_its_events_and_their_moment() -> None:
    first, second = agency_event(1), agency_event(2)
    written = outbox.fields([first, second])
    assert [entry["id"] for entry in written["outbox"]] == [first.id, second.id]
    assert [entry["body"] for entry in written["outbox"]] == [encode(first), encode(second)]
    assert {entry["at"] for entry in written["outbox"]} == {written["pending_since"]}


def test_an_update_appends_its_events_and_keeps_the_older_moment() -> None:
    event = agency_event(1)
    update = outbox.push([event])
    (entry,) = update["$push"]["outbox"]["$each"]
    assert (entry["id"], entry["type"], entry["body"]) == (event.id, event.type, encode(event))
    assert update["$min"] == {"pending_since": entry["at"]}


def test_without_events_nothing_is_pending() -> None:
    assert outbox.fields([]) == {"outbox": []}
    assert outbox.push([]) == {}
