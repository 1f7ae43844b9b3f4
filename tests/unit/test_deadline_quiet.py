"""The quiet time: it ends once everything recorded before the return of the broker has come, and it does end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.deadline.rules.quiet import QuietTime

LASTS = 30.0


@dataclass
class Timeline:
    """A quiet time, and the seconds since the broker came back."""

    at: float = 0.0
    quiet: QuietTime = field(init=False)

    def __post_init__(self) -> None:
        self.quiet = QuietTime(LASTS, timer=lambda: self.at)

    def look(self, at: float, waiting: int = 0) -> bool:
        self.at = at
        self.quiet.found(waiting)
        return self.quiet.is_over


def test_it_lasts_from_the_first_look_that_finds_the_queue_empty() -> None:
    line = Timeline()
    assert not line.look(0, waiting=3)
    assert not line.look(5)
    assert not line.look(34.9)
    assert line.look(35)


def test_it_does_not_end_while_messages_wait() -> None:
    line = Timeline()
    line.look(0)
    assert not line.look(40, waiting=1)
    assert line.look(41)


def test_an_event_recorded_before_it_began_begins_it_anew() -> None:
    line = Timeline()
    line.look(0)
    line.at = 29
    line.quiet.arrived(timedelta(seconds=30))
    assert not line.look(30)
    assert not line.look(59)
    assert line.look(60)


def test_events_recorded_since_it_began_disturb_nothing() -> None:
    line = Timeline()
    line.look(0)
    line.at = 29
    line.quiet.arrived(timedelta(seconds=28))
    assert line.look(30)


def test_once_over_it_stays_over_until_it_begins_anew() -> None:
    line = Timeline()
    line.look(0)
    assert line.look(30)
    line.quiet.arrived(timedelta(days=1))
    assert line.look(31, waiting=1_000)
    line.quiet.begin_anew()
    assert not line.look(32)
    assert not line.look(61)
    assert line.look(62)


def test_a_quiet_time_of_no_length_is_over_once_the_queue_is_empty() -> None:
    quiet = QuietTime(0)
    quiet.found(1)
    assert not quiet.is_over
    quiet.found(0)
    assert quiet.is_over


@given(st.lists(st.tuples(st.integers(1, 29), st.integers(1, 3_600)), min_size=1, max_size=8))
def test_nothing_of_the_outage_is_still_to_come_when_it_is_over_whatever_else_goes_on(
    arrivals: list[tuple[int, int]],
) -> None:
    """Each arrival: so long after the last one, and recorded so long before the return. Fresh events come all along."""
    line = Timeline()
    for gap, recorded_before in arrivals:
        arrives_at = line.at + gap
        while line.at + 1 < arrives_at:
            assert not line.look(line.at + 1)
            line.quiet.arrived(timedelta(seconds=0.01))
        line.at = arrives_at
        line.quiet.arrived(timedelta(seconds=arrives_at + recorded_before))
    assert not line.look(line.at)
    line.quiet.arrived(timedelta(seconds=0.01))
    assert line.look(line.at + LASTS)
