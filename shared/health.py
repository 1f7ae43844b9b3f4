"""The health pages for process managers and gateways: whether a service runs, and whether it can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared.metrics import PART_UP
from shared.web.route import StrictRoute

_PATIENCE_SECONDS: Final = 2.0
_GOOD_SECONDS: Final = 1.0
_log = structlog.get_logger()


class Part:
    """A server that a service depends on: without a required one it cannot answer, without another it is degraded.

    Everyone who asks within a second gets the answer of one check: those who ask often do not burden the server.
    """

    def __init__(self, name: str, check: Callable[[], Awaitable[bool]], *, required: bool) -> None:
        self.name = name
        self.required = required
        self._check = check
        self._answer: asyncio.Task[bool] | None = None
        self._good_until = 0.0

    async def is_up(self) -> bool:
        """Whether the part answers, and answers in time."""
        now = asyncio.get_running_loop().time()
        if self._answer is None or now >= self._good_until:
            self._answer = asyncio.create_task(self._ask())
            self._good_until = now + _GOOD_SECONDS
        return await asyncio.shield(self._answer)

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._check()
        except Exception as error:  # noqa: BLE001 - a check that raises anything means that the part is down
            _log.warning("part_down", part=self.name, error=type(error).__name__)
            return False


class Status(StrEnum):
    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


class PartState(StrEnum):
    UP = "up"
    DOWN = "down"


class Liveness(BaseModel):
    """The process answers."""

    status: str = "live"


class Readiness(BaseModel):
    """The state of the service and of each part that it depends on."""

    status: Status
    parts: dict[str, PartState]


def health_router(parts: Sequence[Part]) -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)

    @router.get("/live")
    async def live() -> Liveness:
        return Liveness()

    @router.get("/ready", responses=_UNAVAILABLE)
    async def ready(response: Response) -> Readiness:
        readiness = await readiness_of(parts)
        if readiness.status is Status.UNAVAILABLE:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return readiness

    return router


_UNAVAILABLE: Final[dict[int | str, dict[str, object]]] = {
    503: {"model": Readiness, "description": "A required part does not answer."}
}


async def measure(service: str, parts: Sequence[Part]) -> None:
    """Set the metric of each part: 1 if it answers, 0 if not."""
    readiness = await readiness_of(parts)
    for name, state in readiness.parts.items():
        PART_UP.labels(service, name).set(state is PartState.UP)


async def readiness_of(parts: Sequence[Part]) -> Readiness:
    """Check all parts at the same time."""
    answers = await asyncio.gather(*(part.is_up() for part in parts))
    missing = [part for part, up in zip(parts, answers, strict=True) if not up]
    states = {part.name: PartState.UP if up else PartState.DOWN for part, up in zip(parts, answers, strict=True)}
    return Readiness(status=_status(missing), parts=states)


def _status(missing: Sequence[Part]) -> Status:
    if any(part.required for part in missing):
        return Status.UNAVAILABLE
    return Status.DEGRADED if missing else Status.READY
