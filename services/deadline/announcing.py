"""When deadline may announce: only while it knows what people have done.

People go on acting while the broker is away, and deadline learns of it afterwards. If it announced meanwhile, it would
blame an agency for not receiving a task that it has received.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Protocol

import structlog

from services.deadline.metrics import PAUSED
from services.deadline.rules.quiet import QuietTime
from shared.clock import Clock
from shared.mongo import is_away

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 0.25


class Broker(Protocol):
    """What is asked of `Messaging`: whether the service gets its events, and how many of them wait."""

    async def is_up(self) -> bool: ...

    async def waiting(self) -> int | None: ...


class Announcing:
    """Whether this replica may announce. It may not at the start, and not until the quiet time is over.

    The quiet time begins anew when the broker is away or no longer delivers to this service, and when an event of a
    task cannot be taken in because MongoDB is away.
    """

    def __init__(self, broker: Broker, clock: Clock, quiet: QuietTime) -> None:
        self._broker = broker
        self._clock = clock
        self._quiet = quiet
        PAUSED.set(1)

    async def may_announce(self) -> bool:
        """Whether the quiet time is over, and the broker answers now: a frozen one keeps its connections open."""
        if self._quiet.is_over and await self._broker.waiting() is None:
            self._pause()
        return self._quiet.is_over

    @contextmanager
    def taking_in(self, recorded_at: datetime) -> Iterator[None]:
        """Notice, while an event of a task is taken in, that it comes late, or that MongoDB is away."""
        self._quiet.arrived(self._clock.now() - recorded_at)
        try:
            yield
        except Exception as error:
            if is_away(error):
                self._pause()
            raise

    async def run(self) -> None:
        """Look every quarter of a second, without end."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Look at the broker and, unless the quiet time is over, at the queue."""
        if not await self._broker.is_up():
            self._pause()
        elif not self._quiet.is_over:
            self._notice(await self._broker.waiting())

    def _notice(self, waiting: int | None) -> None:
        if waiting is None:
            self._pause()
            return
        self._quiet.found(waiting)
        if self._quiet.is_over:
            PAUSED.set(0)
            _log.info("announcing")

    def _pause(self) -> None:
        if self._quiet.is_over:
            _log.warning("announcing_paused")
        self._quiet.begin_anew()
        PAUSED.set(1)
