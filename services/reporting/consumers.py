"""The events that reporting subscribes to: those that it counts, and those that name agencies and accounts."""

from __future__ import annotations

from services.reporting.handlers import Recorder
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.envelope import Event
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, TASK_EVENTS
from shared.events.task import TaskChanged
from shared.messaging.router import EventRouter, named


def consumers(recorder: Recorder) -> EventRouter:
    router = EventRouter("reporting")

    @router.events(filter=named(*TASK_EVENTS))
    async def task_changed(event: Event[TaskChanged]) -> None:
        await recorder.record_task(event)

    @router.events(filter=named(AGENCY_CHANGED))
    async def agency_changed(event: Event[AgencyChanged]) -> None:
        await recorder.record_agency(event)

    @router.events(filter=named(ACCOUNT_CHANGED))
    async def account_changed(event: Event[AccountChanged]) -> None:
        await recorder.record_account(event)

    return router
