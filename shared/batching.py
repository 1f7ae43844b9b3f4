"""Doing in one go what many ask for at the same moment: one read for many readers, one write for many writers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Batcher(Generic[Asked, Answer]):
    """Goes in rounds, one at a time: the first to ask goes at once, who asks during a round goes with the next.

    Nobody is answered by a round that began before they asked. `together` answers for each of those it is given, in
    their order, with what `ask` returns or with the exception that `ask` raises; what it raises itself is raised to
    all of the round. A caller that is cancelled before its round is left out; later, the round goes on without it.
    """

    def __init__(
        self, together: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]], *, most: int
    ) -> None:
        self._together = together
        self._most = most
        self._waiting: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        self._rounds: asyncio.Task[None] | None = None

    async def submit(self, asked: Asked) -> Answer:
        """Return the answer of the next round."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._rounds is None:
            # A round is nobody's own: it is not cancelled with the caller who began it, nor logged as theirs.
            self._rounds = asyncio.create_task(self._run(), context=Context())
        return await answer

    async def drain(self) -> None:
        """Wait until what is under way has been done."""
        if self._rounds is not None:
            await asyncio.wait([self._rounds])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._round(self._next())
        finally:
            self._rounds = None

    def _next(self) -> list[tuple[Asked, asyncio.Future[Answer]]]:
        taken: list[tuple[Asked, asyncio.Future[Answer]]] = []
        while self._waiting and len(taken) < self._most:
            asked, answer = self._waiting.popleft()
            if not answer.cancelled():
                taken.append((asked, answer))
        return taken

    async def _round(self, taken: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        try:
            for (_, answer), outcome in zip(taken, await self._outcomes([asked for asked, _ in taken]), strict=True):
                _resolve(answer, outcome)
        finally:
            # Whatever broke the round, nobody is left waiting for it.
            for _, answer in taken:
                answer.cancel()

    async def _outcomes(self, asked: Sequence[Asked]) -> Sequence[Answer | Exception]:
        try:
            return await self._together(asked) if asked else []
        except Exception as error:  # noqa: BLE001 - raised to each caller
            return [error] * len(asked)


def _resolve(answer: asyncio.Future[Answer], outcome: Answer | Exception) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
