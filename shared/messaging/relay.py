"""Publishes the events of the outboxes: each at least once, and the events of a record in their order.

A write wakes the relay, so an event is published within milliseconds. A sweep over the index finds the events that a
crash, an outage of the broker or a failed publish left behind. Any number of replicas may run: two of them may publish
the same event, and consumers expect that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from random import uniform
from typing import Any, Final, TypeAlias

import structlog

from shared.clock import true_now
from shared.messaging.metrics import OUTBOX_OLDEST_SECONDS, OUTBOX_PENDING, PUBLISH_FAILURES, PUBLISHED
from shared.messaging.outbox import Outbox, OutboxEvent, Pending
from shared.messaging.publisher import NotPublishedError, Outgoing, Publisher
from shared.messaging.topology import EXCHANGE

_log = structlog.get_logger(__name__)

RECORDED_AT: Final = "dondoc-recorded-at"
# One lane reads and clears outboxes while the other one publishes.
_LANES: Final = 2
_IN_LANE: Final = 50
_SWEPT_AT_ONCE: Final = 1_000
# During an outage of the broker no more records than this are remembered. The sweep finds the others.
_REMEMBERED: Final = 10_000

_MEASURED_WITHIN_SECONDS: Final = 2.0

_Key: TypeAlias = tuple[str, Any]
"""The collection and the id of a record."""


class Relay:
    """Call `wake` after each write that added events, `run` in the background, and `stop` at the end."""

    def __init__(
        self, service: str, publisher: Publisher, outboxes: Sequence[Outbox], *, sweep_interval: float = 5.0
    ) -> None:
        self._service = service
        self._publisher = publisher
        self._outboxes = {outbox.name: outbox for outbox in outboxes}
        self._sweep_interval = sweep_interval
        self._woken: dict[_Key, None] = {}
        self._taken: set[_Key] = set()
        self._called = asyncio.Event()
        self._stopping = False
        self._next_sweep = 0.0

    def wake(self, collection: str, record_id: Any) -> None:
        """Tell the relay that a record of `collection` has new events. It never waits and never fails."""
        self.wake_many(collection, [record_id])

    def wake_many(self, collection: str, record_ids: Iterable[Any]) -> None:
        """Tell the relay that many records have new events."""
        if len(self._woken) < _REMEMBERED:
            self._woken.update(dict.fromkeys((collection, record_id) for record_id in record_ids))
        self._called.set()

    async def run(self) -> None:
        """Publish until `stop` is called: the woken records at once, and every few seconds the rest (`sweep`)."""
        while not self._stopping:
            await self._until_connected()
            await self._publish_woken()
            if asyncio.get_running_loop().time() >= self._next_sweep:
                await self.sweep()
            await self._rest()
        await self._publish_woken()

    def stop(self) -> None:
        """Let `run` return after it has published the woken records."""
        self._stopping = True
        self._called.set()

    async def _until_connected(self) -> None:
        if not self._publisher.is_connected:
            await self._publisher.until_connected()
            self._next_sweep = 0.0

    async def sweep(self, *, grace: float = 1.0) -> None:
        """Publish all events that have waited longer than `grace` seconds."""
        # The random part keeps replicas from sweeping at the same time.
        self._next_sweep = asyncio.get_running_loop().time() + self._sweep_interval * uniform(0.8, 1.2)  # noqa: S311
        until = true_now() - timedelta(seconds=grace)
        for outbox in self._outboxes.values():
            async for chunk in outbox.waiting_since(until, at_most=_SWEPT_AT_ONCE):
                if not self._publisher.is_connected:
                    return
                self.wake_many(outbox.name, chunk)
                await self._publish_woken()

    async def measure(self) -> None:
        """Update the gauges of the outboxes. Without an answer of MongoDB, remove them."""
        try:
            async with asyncio.timeout(_MEASURED_WITHIN_SECONDS):
                for outbox in self._outboxes.values():
                    await self._measure(outbox)
        except Exception as error:  # noqa: BLE001 - the scrape must still show the other metrics
            _log.warning("outboxes_not_measured", error=str(error))
            self._clear()

    def _clear(self) -> None:
        for name in self._outboxes:
            for gauge in (OUTBOX_PENDING, OUTBOX_OLDEST_SECONDS):
                with suppress(KeyError):
                    gauge.remove(self._service, name)

    async def _measure(self, outbox: Outbox) -> None:
        count, oldest = await outbox.depth()
        age = (true_now() - oldest).total_seconds() if oldest else 0.0
        OUTBOX_PENDING.labels(self._service, outbox.name).set(count)
        OUTBOX_OLDEST_SECONDS.labels(self._service, outbox.name).set(max(age, 0.0))

    async def _rest(self) -> None:
        if self._woken or self._stopping or not self._publisher.is_connected:
            return
        self._called.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._next_sweep):
                await self._called.wait()

    async def _publish_woken(self) -> None:
        lanes = [self._publish_in_lane() for _ in range(_LANES)]
        for outcome in await asyncio.gather(*lanes, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _publish_in_lane(self) -> None:
        while self._publisher.is_connected and (taken := self._take()):
            try:
                for name, record_ids in _by_collection(taken).items():
                    outbox = self._outboxes[name]
                    async for records in outbox.load(record_ids):
                        await self._publish(outbox, records)
            finally:
                self._taken.difference_update(taken)

    def _take(self) -> list[_Key]:
        """Take the next woken records, but none that another lane is publishing: its events keep their order."""
        taken = list(islice((key for key in self._woken if key not in self._taken), _IN_LANE))
        for key in taken:
            del self._woken[key]
        self._taken.update(taken)
        return taken

    async def _publish(self, outbox: Outbox, records: Sequence[Pending]) -> None:
        confirmed = await asyncio.gather(*(self._publish_in_order(record) for record in records))
        done = {record.record_id: ids for record, ids in zip(records, confirmed, strict=True) if ids}
        await outbox.clear(done)

    async def _publish_in_order(self, record: Pending) -> list[str]:
        """Return the ids of the confirmed events: all of them, or those before the first failure."""
        confirmed: list[str] = []
        for entry in record.entries:
            try:
                await self._publisher.publish(_message(entry), entry.type, exchange=EXCHANGE)
            except NotPublishedError as error:
                PUBLISH_FAILURES.labels(self._service).inc()
                _log.warning("event_not_published", event_id=entry.id, event_type=entry.type, error=str(error))
                break
            PUBLISHED.labels(self._service).inc()
            confirmed.append(entry.id)
        return confirmed


def _by_collection(keys: Iterable[_Key]) -> dict[str, list[Any]]:
    ids: defaultdict[str, list[Any]] = defaultdict(list)
    for collection, record_id in keys:
        ids[collection].append(record_id)
    return ids


def _message(entry: OutboxEvent) -> Outgoing:
    recorded = {RECORDED_AT: entry.at.isoformat()}
    return Outgoing.persistent(entry.body, event_id=entry.id, event_type=entry.type, headers=recorded)
