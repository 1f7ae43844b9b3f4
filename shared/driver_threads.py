"""Threads for Motor by purpose, so that slow operations of one purpose never hold those of another.

Motor gives every operation to a thread. By default all clients of a process share five threads a core, and ten slow
lists hold everything else. Motor has no setting for it; a *framework* is the module through which Motor reaches
asyncio, and here it is asyncio's with another `run_on_executor`.
"""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from motor.core import AgnosticClient
from motor.frameworks import asyncio as asyncio_framework
from motor.metaprogramming import create_class_with_framework

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from motor.motor_asyncio import AsyncIOMotorClient


@cache
def client_class(purpose: str, threads: int) -> type[AsyncIOMotorClient[dict[str, Any]]]:
    """Return Motor's client class with threads for one purpose; a thread starts when it is first needed."""
    executor = ThreadPoolExecutor(threads, thread_name_prefix=f"mongodb-{purpose}")

    def run_on_executor(
        loop: asyncio.AbstractEventLoop, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        # The context carries `pymongo.timeout` into the thread.
        context = contextvars.copy_context()
        return loop.run_in_executor(executor, partial(context.run, function, *args, **options))

    framework = ModuleType(asyncio_framework.__name__)
    framework.__dict__.update(vars(asyncio_framework), run_on_executor=run_on_executor)
    kind: Any = create_class_with_framework(AgnosticClient, framework, "motor.motor_asyncio")
    return kind  # type: ignore[no-any-return]
