"""Does many things quickly, but only a few at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

_AT_ONCE: Final = 8

Thing = TypeVar("Thing")
Result = TypeVar("Result")


async def few_at_once(work: Callable[[Thing], Awaitable[Result]], things: Iterable[Thing]) -> list[Result]:
    """Do the work for each thing, a few at a time. The first failure stops all of it."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(thing: Thing) -> Result:
        async with slots:
            return await work(thing)

    try:
        async with asyncio.TaskGroup() as together:
            tasks = [together.create_task(in_turn(thing)) for thing in things]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
