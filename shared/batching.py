"""Batching: what many callers ask for at the same moment is done by one call to the database.

`BatchedReads` reads for them, `shared/batched_writes.py` writes for them. Both stand on `Batcher`, which collects.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import Context
from copy import copy
from typing import Final, Generic, NamedTuple, TypeVar

from shared import budget
from shared.breaker import Breaker, UnavailableError
from shared.metrics import show_waiting
from shared.mongo import is_away

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Key = TypeVar("Key")
Result = TypeVar("Result")

MOST: Final = 100
"""How many callers one batch holds. A hundred tasks with the longest texts are some 50 MB, which the driver cuts up."""
MOST_WAITING: Final = 1_000
"""How many callers wait for a batch; they wait some seconds then. Who comes on top is refused."""


class _Request(NamedTuple, Generic[Asked, Answer]):
    """What a caller asked for, the future on which the caller waits, and until when it is worth beginning."""

    asked: Asked
    answer: asyncio.Future[Answer]
    begin_before: float


class Batcher(Generic[Asked, Answer]):
    """Collects requests and gives them to `do`, one batch at a time.

    The first request starts at once. Requests that arrive while a batch is being done form the next batch, so an
    answer is never older than its question.

    `do` returns one outcome a request, in their order: an answer, or the exception to raise to that caller. If `do`
    itself raises, every caller of the batch gets a copy of that exception.

    A caller that is cancelled while it waits is left out. So is a caller whose request has less than `takes` seconds
    left: it was given up before its answer could come. A caller that is cancelled later changes nothing for the others.

    If a batch finds the server away, all who wait fail with it, and for a second everyone who comes (`Breaker`).
    """

    def __init__(
        self,
        do: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]],
        *,
        name: str,
        most: int = MOST,
        most_waiting: int = MOST_WAITING,
        takes: float = 0.0,
    ) -> None:
        self._do = do
        self._most = most
        self._most_waiting = most_waiting
        self._takes = takes
        self._waiting: deque[_Request[Asked, Answer]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._breaker = Breaker()
        show_waiting(name, self)

    @property
    def waiting(self) -> int:
        """How many requests wait for the next batches."""
        return len(self._waiting)

    def submit(self, asked: Asked) -> asyncio.Future[Answer]:
        """Put a request into the next batch and return the future of its answer.

        Raises:
            UnavailableError: the server was away a moment ago, or too many wait already.

        """
        if len(self._waiting) >= self._most_waiting:
            raise UnavailableError("too many wait for a batch")
        self._breaker.enter()
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(asked, answer, budget.ends_at() - self._takes))
        if self._running is None:
            # The task has an empty context: it works for all callers, and its logs must not name the first of them.
            self._running = asyncio.create_task(self._run(), context=Context())
        return answer

    async def drain(self) -> None:
        """Wait until everything that was submitted has been done."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        batch: list[_Request[Asked, Answer]] = []
        try:
            while batch := self._next_batch():
                outcomes = await self._outcomes(batch)
                self._notice(outcomes)
                _deliver(batch, outcomes)
        finally:
            self._running = None
            # Only cancellation or a fault of ours ends the loop early. Nobody may wait for ever then.
            for request in (*batch, *self._waiting):
                request.answer.cancel()
            self._waiting.clear()

    async def _outcomes(self, batch: Sequence[_Request[Asked, Answer]]) -> Sequence[Answer | Exception]:
        try:
            return await self._do([request.asked for request in batch])
        except Exception as error:  # noqa: BLE001 - every caller of the batch raises it
            return [copy_of(error) for _ in batch]

    def _notice(self, outcomes: Sequence[Answer | Exception]) -> None:
        """Let all who wait fail when the server was away."""
        away = next((one for one in outcomes if isinstance(one, Exception) and is_away(one)), None)
        if away is None:
            self._breaker.succeeded()
            return
        self._breaker.failed()
        waiting = list(self._waiting)
        self._waiting.clear()
        _deliver(waiting, [copy_of(away) for _ in waiting])

    def _next_batch(self) -> list[_Request[Asked, Answer]]:
        batch: list[_Request[Asked, Answer]] = []
        now = asyncio.get_running_loop().time()
        while self._waiting and len(batch) < self._most:
            request = self._waiting.popleft()
            if request.answer.cancelled():
                continue
            if request.begin_before < now:
                request.answer.set_exception(UnavailableError("too little time is left"))
            else:
                batch.append(request)
        return batch


class BatchedReads(Generic[Key, Result]):
    """Reads once for all callers that ask at the same moment.

    `read` is given the keys of all callers together. Every caller gets the whole result and picks what it asked for.
    Nothing is kept from one batch to the next, so every caller sees what the database has now.
    """

    def __init__(self, read: Callable[[Collection[Key]], Awaitable[Result]], *, name: str) -> None:
        self._read = read
        self._batches: Batcher[Collection[Key], Result] = Batcher(self._read_batch, name=name)

    async def get(self, keys: Collection[Key]) -> Result:
        """Return what was found for these keys and for the keys of the other callers in the batch."""
        return await self._batches.submit(keys)

    async def _read_batch(self, batch: Sequence[Collection[Key]]) -> Sequence[Result]:
        found = await self._read({key for keys in batch for key in keys})
        return [found] * len(batch)


def copy_of(error: Exception) -> Exception:
    """Return a copy of an exception for one caller to raise, with the original as its cause.

    The caller's traceback then shows both stacks: its own, and the one in which the error happened. Callers do not
    share one exception, because each `raise` writes into its traceback. An exception that cannot be copied is shared.
    """
    try:
        copied = copy(error)
    except Exception:  # noqa: BLE001 - whatever its constructor raises
        return error
    copied.__cause__ = error
    return copied


def _deliver(batch: Sequence[_Request[Asked, Answer]], outcomes: Sequence[Answer | Exception]) -> None:
    for request, outcome in zip(batch, outcomes, strict=True):
        if request.answer.done():
            continue
        if isinstance(outcome, Exception):
            request.answer.set_exception(outcome)
        else:
            request.answer.set_result(outcome)
