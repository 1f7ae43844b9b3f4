"""The open connections of a process: who waits for what, until when, and who makes room when there are too many."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter, OrderedDict
from enum import StrEnum
from typing import Final, Protocol

import structlog

from shared.metrics import HTTP_CONNECTIONS_CUT
from shared.web.http_policy import HttpPolicy

_TICK_SECONDS: Final = 0.5
_log = structlog.get_logger()


class Cut(StrEnum):
    """Why a connection was closed before its time."""

    HEAD_SLOW = "head-slow"
    BODY_SLOW = "body-slow"
    ANSWER_SLOW = "answer-slow"
    HEAD_TOO_LARGE = "head-too-large"
    MALFORMED = "malformed"
    CROWDED = "crowded"
    CLIENT_LEFT = "client-left"


class Connection(Protocol):
    """What the table of connections asks of each of them."""

    def make_room(self) -> None:
        """Close at once, in favour of another connection."""

    def expire(self) -> None:
        """Close; what the connection waited for has not come in time."""

    def has_stopped_reading(self, now: float) -> bool:
        """Whether the client has read too little of its answer for too long."""

    def give_up_answer(self) -> None:
        """Close; the client does not read."""


class Connections:
    """All connections of one process.

    When one more than `most` comes, the connection that has waited longest without a whole request is closed in its
    favour. If all others are being served, the new one is over the limit: `is_crowded`.
    """

    def __init__(self, service: str, policy: HttpPolicy, most: int | None = None) -> None:
        self.policy = policy
        self._service = service
        self._most = policy.connections if most is None else most
        self._open: set[Connection] = set()
        self._waiting: OrderedDict[Connection, float] = OrderedDict()
        self._cuts: Counter[Cut] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> None:
        """Take in a new connection; another may have to go for it."""
        if len(self._open) >= self._most and self._waiting:
            longest = next(iter(self._waiting))
            self.remove(longest)
            self.count(Cut.CROWDED)
            longest.make_room()
        self._open.add(connection)
        if self._timer is None:
            self._tick_later()

    def remove(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def wait(self, connection: Connection, deadline: float) -> None:
        """Note that a connection waits from now on, until `deadline` on the clock of the loop."""
        if connection in self._open:
            self._waiting[connection] = deadline
            self._waiting.move_to_end(connection)

    def serve(self, connection: Connection) -> None:
        """Note that a connection has sent a whole request, and no longer waits."""
        self._waiting.pop(connection, None)

    def is_crowded(self) -> bool:
        return len(self._open) > self._most

    def count(self, cut: Cut) -> None:
        HTTP_CONNECTIONS_CUT.labels(self._service, cut).inc()
        self._cuts[cut] += 1

    def _tick_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in [waiting for waiting, deadline in self._waiting.items() if deadline <= now]:
            connection.expire()
        for connection in [one for one in self._open if one.has_stopped_reading(now)]:
            connection.give_up_answer()
        self._log_cuts()
        self._timer = None
        if self._open:
            self._tick_later()

    def _log_cuts(self) -> None:
        """Log one line a reason and a tick, whatever number of connections it was."""
        for cut, count in self._cuts.items():
            _log.info("connections_cut", reason=cut, count=count)
        self._cuts.clear()


def allowed_connections(policy: HttpPolicy) -> int:
    """Raise the limit of open files as far as may be, and return how many connections there may be under it.

    Half the files are left for all else, and for connections that are being closed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY or policy.connections <= hard // 2:
        return policy.connections
    _log.warning("connections_limited", connections=hard // 2, files=hard)
    return hard // 2
