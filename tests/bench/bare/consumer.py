"""A bare FastStream consumer. It reads the JSON, upserts the task in it, and acknowledges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue

from shared.mongo import Collection

QUEUE = "bare.events"


def bare_consumer(
    amqp_url: str, collection: Collection, prefetch: int, began: Callable[[], None], done: Callable[[], None]
) -> RabbitBroker:
    """Return a broker that consumes once it is started. It calls `began` and `done` for each message."""
    broker = RabbitBroker(amqp_url, default_channel=Channel(prefetch_count=prefetch), decoder=_json, logger=None)

    @broker.subscriber(RabbitQueue(QUEUE, queue_type=QueueType.QUORUM), ack_policy=AckPolicy.NACK_ON_ERROR)
    async def take(event: dict[str, Any]) -> None:
        began()
        task = event["data"]["task"]
        await collection.update_one({"_id": task["id"]}, {"$set": task}, upsert=True)
        done()

    return broker


async def _json(message: RabbitMessage) -> Any:
    return orjson.loads(message.body)
