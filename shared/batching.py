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

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Key = TypeVar("Key")
Result = TypeVar("Result")

MOST: Final = 100
"""How many callers one batch holds. A hundred tasks with the longest texts are some 50 MB, which the driver cuts up."""


class _Request(NamedTuple, Generic[Asked, Answer]):
    """What a caller asked for, and the future on which the caller waits."""

    asked: Asked
    answer: asyncio.Future[Answer]


class Batcher(Generic[Asked, Answer]):
    """Collects requests and gives them to `do`, one batch at a time.

    The first request starts at once. Requests that arrive while a batch is being done form the next batch, so an
    answer is never older than its question.

    `do` returns one outcome a request, in their order: an answer, or the exception to raise to that caller. If `do`
    itself raises, every caller of the batch gets a copy of that exception.

    A caller that is cancelled while it waits is left out. A caller that is cancelled later changes nothing for the
    others.
    """

    def __init__(
        self, do: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]], *, most: int = MOST
    ) -> None:
        self._do = do
        self._most = most
        self._waiting: deque[_Request[Asked, Answer]] = deque()
        self._running: asyncio.Task[None] | None = None

    def submit(self, asked: Asked) -> asyncio.Future[Answer]:
        """Put a request into the next batch and return the future of its answer."""
        request = _Request(asked, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._running is None:
            # The task has an empty context: it works for all callers, and its logs must not name the first of them.
            self._running = asyncio.create_task(self._run(), context=Context())
        return request.answer

    async def drain(self) -> None:
        """Wait until everything that was submitted has been done."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        batch: list[_Request[Asked, Answer]] = []
        try:
            while batch := self._next_batch():
                try:
                    outcomes = await self._do([request.asked for request in batch])
                except Exception as error:  # noqa: BLE001 - every caller of the batch raises it
                    outcomes = [copy_of(error) for _ in batch]
                _deliver(batch, outcomes)
        finally:
            self._running = None
            # Only cancellation or a fault of ours ends the loop early. Nobody may wait for ever then.
            for request in (*batch, *self._waiting):
                request.answer.cancel()

    def _next_batch(self) -> list[_Request[Asked, Answer]]:
        batch: list[_Request[Asked, Answer]] = []
        while self._waiting and len(batch) < self._most:
            request = self._waiting.popleft()
            if not request.answer.cancelled():
                batch.append(request)
        return batch


class BatchedReads(Generic[Key, Result]):
    """Reads once for all callers that ask at the same moment.

    `read` is given the keys of all callers together. Every caller gets the whole result and picks what it asked for.
    Nothing is kept from one batch to the next, so every caller sees what the database has now.
    """

    def __init__(self, read: Callable[[Collection[Key]], Awaitable[Result]]) -> None:
        self._read = read
        self._batches: Batcher[Collection[Key], Result] = Batcher(self._read_batch)

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
