"""Another writer at a chosen moment: before a bulk write, or between it and the query that asks who won."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.mongo import Collection

Step = Callable[[], Awaitable[object]]


class InterruptedCollection:
    """A real collection; `before` and `between` are done once each, and `looks` counts the queries for write ids."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.before: Step | None = None
        self.between: Step | None = None
        self.looks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def bulk_write(self, *asked: Any, **options: Any) -> Any:
        step, self.before = self.before, None
        if step is not None:
            await step()
        return await self._collection.bulk_write(*asked, **options)

    async def distinct(self, *asked: Any) -> Any:
        self.looks += 1
        step, self.between = self.between, None
        if step is not None:
            await step()
        return await self._collection.distinct(*asked)
