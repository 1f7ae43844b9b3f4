"""How a service subscribes to events: FastStream's router, one subscriber, and a filter for each handler.

    router = EventRouter("notification")

    @router.events(filter=named(AGENCY_CHANGED))
    async def agency_changed(event: Event[AgencyChanged]) -> None:
        await notifier.learn_agency(event)

The first handler whose filter matches gets the event. An event that no filter matches is acknowledged.
A handler says nothing of retries and dead letters: `shared/messaging/delivery.py` is the one place for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, cast

from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.rabbit import QueueType, RabbitQueue, RabbitRouter
from faststream.rabbit.schemas.queue import QuorumQueueArgs

from shared.events.codec import decode
from shared.events.envelope import Event
from shared.messaging.topology import events_arguments, events_queue

Filter: TypeAlias = Callable[[StreamMessage[Any]], Awaitable[bool]]


class EventRouter(RabbitRouter):
    """A FastStream router whose only subscriber, `events`, consumes the service's queue of events."""

    def __init__(self, service: str) -> None:
        super().__init__()
        # The delivery policy acknowledges. FastStream's own policies drop a message that fails, or retry it at once.
        self.events: Final = self.subscriber(
            _queue(service), ack_policy=AckPolicy.MANUAL, codec=EventCodec(), no_reply=True
        )


class EventCodec:
    """Decodes the body of a message into an `Event` with the payload of its name. It never encodes: nobody replies."""

    async def decode(self, msg: StreamMessage[Any]) -> Any:
        """Decode an event.

        Raises:
            UnreadableEventError: the bytes are no event, or break the contract of the event that they name.
            UnknownEventError: no event of this name is known here.

        """
        return decode(msg.body)

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:
        raise NotImplementedError


def named(*names: str) -> Filter:
    """Return a filter that matches the events of these names."""
    wanted = frozenset(names)

    async def is_wanted(message: StreamMessage[Any]) -> bool:
        event = cast("Event[Any]", await message.decode())
        return event.type in wanted

    return is_wanted


def _queue(service: str) -> RabbitQueue:
    arguments = cast("QuorumQueueArgs", events_arguments(service))
    return RabbitQueue(events_queue(service), queue_type=QueueType.QUORUM, arguments=arguments)
