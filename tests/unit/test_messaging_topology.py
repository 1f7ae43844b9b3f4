"""Names and arguments of the queues; an argument changed here would no longer match the queues that stand."""

from __future__ import annotations

import fnmatch

import pytest

from shared.events.names import DATA_OF
from shared.messaging import topology

KEPT = {"x-queue-type": "quorum"}


def test_the_queue_of_events_sends_what_crashes_consumers_to_the_dead_letters() -> None:
    assert topology.events_queue("deadline") == "deadline.events"
    assert topology.events_arguments("deadline") == KEPT | {
        "x-delivery-limit": 1_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "deadline.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def test_a_retry_queue_is_named_for_its_delay_and_gives_back_after_it() -> None:
    assert topology.retry_queue("deadline", 0.25) == "deadline.retry.250"
    assert topology.retry_arguments("deadline", 0.25) == KEPT | {
        "x-delivery-limit": 1_000_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "deadline.events",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-message-ttl": 250,
    }


def test_the_dead_letters_bear_any_number_of_looks() -> None:
    assert topology.dead_queue("deadline") == "deadline.dead"
    assert topology.dead_arguments() == KEPT | {"x-delivery-limit": 1_000_000}


@pytest.mark.parametrize("name", sorted(DATA_OF))
def test_every_event_has_a_service_that_takes_it(name: str) -> None:
    patterns = [key.replace("#", "*") for keys in topology.BINDINGS.values() for key in keys]
    assert any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize(
    ("service", "taken", "left"),
    [
        ("assignment", {"deadline.missed.v1"}, {"deadline.due_soon.v1", "task.assigned.v1"}),
        ("deadline", {"task.assigned.v1"}, {"agency.changed.v1", "deadline.missed.v1"}),
        (
            "notification",
            {"task.assigned.v1", "deadline.due_soon.v1", "agency.changed.v1", "account.changed.v1"},
            set(),
        ),
        ("reporting", {"task.assigned.v1", "agency.changed.v1", "account.changed.v1"}, set()),
    ],
)
def test_each_service_takes_what_it_needs(service: str, taken: set[str], left: set[str]) -> None:
    patterns = [key.replace("#", "*") for key in topology.BINDINGS[service]]
    matched = {name for name in DATA_OF if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)}
    assert taken <= matched
    assert not left & matched
