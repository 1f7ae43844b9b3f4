"""An error that comes before any handler is called, and that nobody foresaw: the message is kept, and delays no other.

The broker's own errors are of the same types (`RuntimeError`, `OSError`), but they do not come from there.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from faststream.message import StreamMessage

from shared.events.envelope import Event
from shared.messaging.router import EventRouter
from shared.messaging.topology import dead_queue, events_queue
from tests.support.consumers import DELAYS, send, sender
from tests.support.messaging import agency_event, messages_in, messaging_of, ready_in, wait_until
from tests.support.servers import Vhost

SERVICE: Final = "notification"


def router_that_breaks(error: Exception) -> EventRouter:
    """Return a router whose filter raises the error for every message."""
    router = EventRouter(SERVICE)

    async def breaks(_message: StreamMessage[Any]) -> bool:
        raise error

    @router.events(filter=breaks)
    async def never_called(_event: Event[Any]) -> None:
        pytest.fail("the filter never matches")

    return router


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), NotImplementedError("broken"), OSError("broken"), KeyError()]
)
async def test_a_message_whose_filter_breaks_is_a_dead_letter(vhost: Vhost, error: Exception) -> None:
    messaging = messaging_of(SERVICE, vhost.amqp_url, retry_delays=DELAYS)
    async with messaging.running(router_that_breaks(error)), sender(vhost.amqp_url) as publisher:
        await messaging.started.wait()
        await send(publisher, [agency_event()])
        await wait_until(lambda: _is_dead(vhost), "the message is with the dead letters")
        await wait_until(lambda: messaging.in_flight == 0, "nothing is being handled")
    assert await ready_in(vhost.amqp_url, events_queue(SERVICE)) == 0
    (dead,) = await messages_in(vhost.amqp_url, dead_queue(SERVICE))
    assert dead.headers["dondoc-error"] == type(error).__name__


async def _is_dead(vhost: Vhost) -> bool:
    return await ready_in(vhost.amqp_url, dead_queue(SERVICE)) == 1
