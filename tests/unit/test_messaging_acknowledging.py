"""Which deliveries an acknowledgement covers."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.acknowledging import Acknowledgement, HandledTags


class Channel:
    """A channel at the broker, with so many deliveries that are not acknowledged."""

    def __init__(self, deliveries: int) -> None:
        self.unacknowledged = set(range(1, deliveries + 1))

    def receive(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        for tag, multiple in acknowledgements:
            assert tag in self.unacknowledged, "the broker closes the channel"
            self.unacknowledged -= {one for one in self.unacknowledged if one == tag or (multiple and one < tag)}


@given(st.integers(1, 30).flatmap(lambda number: st.permutations(range(1, number + 1))), st.data())
def test_exactly_what_was_handled_is_acknowledged_whatever_the_order(order: list[int], data: st.DataObject) -> None:
    channel, tags, handled = Channel(len(order)), HandledTags(), set[int]()
    while order:
        size = data.draw(st.integers(1, len(order)))
        together, order = order[:size], order[size:]
        channel.receive(tags.add(together))
        handled.update(together)
        assert channel.unacknowledged.isdisjoint(handled)
        assert channel.unacknowledged == set(order)


def test_deliveries_that_end_together_take_one_acknowledgement() -> None:
    tags = HandledTags()
    assert tags.add([3, 1, 2]) == [Acknowledgement(3, multiple=True)]
    assert tags.add([4]) == [Acknowledgement(4, multiple=True)]


def test_a_delivery_behind_one_that_is_not_handled_is_acknowledged_alone() -> None:
    tags = HandledTags()
    assert tags.add([1, 3]) == [Acknowledgement(1, multiple=True), Acknowledgement(3, multiple=False)]
    assert tags.add([4]) == [Acknowledgement(4, multiple=False)]
    assert tags.add([2]) == [Acknowledgement(2, multiple=True)]
    assert tags.add([5, 6]) == [Acknowledgement(6, multiple=True)]
