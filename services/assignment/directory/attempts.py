"""Attempts to sign in: each gets its fair turn, and failures have limits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.assignment.directory.attempt_queue import AttemptQueue, Shares, not_attempted, share_used_up
from services.assignment.directory.failures import Failures, Origin
from services.assignment.directory.metrics import DELAYED
from services.assignment.directory.uncancelled import to_the_end
from shared.office.refusal import Code
from shared.web.address import network_of

_MOST_PENDING: Final = 3
_MOST_HELD_BACK: Final = 64
"""Each of them holds one of the requests that the service works on at the same time, and acts need those too."""
_MOST_KNOWN: Final = 50_000

Known = TypeVar("Known")
Proof = TypeVar("Proof")


class Attempts:
    """Lets attempts through to their queue, and counts those that fail.

    An attempt with a username of which too many attempts failed lately waits for `delay` seconds first, unless this
    username signed in from the same network lately.
    """

    def __init__(self, failures: Failures, delay: float) -> None:
        self._failures = failures
        self._delay = delay
        self._held_back = 0
        self._shares = Shares(_MOST_PENDING, share_used_up)
        self._known: OrderedDict[Origin, None] = OrderedDict()

    async def attempt(
        self,
        queue: AttemptQueue,
        username: str,
        address: str,
        look_up: Callable[[], Awaitable[Known]],
        prove: Callable[[Known], Awaitable[Proof | None]],
    ) -> Proof | None:
        """Return what `prove` makes of what `look_up` found; None counts as a failure.

        The proof has a turn of the queue. The look-up has none: it costs next to nothing here, and while the database
        is slow it would hold the turns of all.

        Raises:
            HttpRefusal: rate-limited or unavailable, with the seconds to wait; `prove` was not called.

        """
        origin = Origin(username, network_of(address))
        self._require_attempts_left(origin)
        with self._shares.one(origin):
            is_known = origin in self._known
            if not is_known and self._failures.has_many(username):
                await self._hold_back()
            with queue.place(origin.network, is_known=is_known):
                found = await look_up()
                await queue.turn()
                return await to_the_end(self._proof(queue, origin, lambda: prove(found)))

    def _require_attempts_left(self, origin: Origin) -> None:
        if seconds := self._failures.seconds_to_wait(origin):
            raise not_attempted(Code.RATE_LIMITED, seconds, "failures")

    async def _hold_back(self) -> None:
        """Wait; where many wait already, go on to the queue, which is bounded too."""
        if self._held_back >= _MOST_HELD_BACK:
            return
        DELAYED.inc()
        self._held_back += 1
        try:
            await asyncio.sleep(self._delay)
        finally:
            self._held_back -= 1

    async def _proof(
        self, queue: AttemptQueue, origin: Origin, prove: Callable[[], Awaitable[Proof | None]]
    ) -> Proof | None:
        """Prove and count, also when the client has left: else leaving would make failures free."""
        try:
            # While this attempt waited, others of the same origin may have failed.
            self._require_attempts_left(origin)
            proof = await prove()
            if proof is None:
                self._failures.add(origin)
            else:
                self._remember(origin)
                self._failures.forgive(origin)
            return proof
        finally:
            queue.end_turn()

    def _remember(self, origin: Origin) -> None:
        self._known[origin] = None
        self._known.move_to_end(origin)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
