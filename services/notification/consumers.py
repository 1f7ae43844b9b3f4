"""The events that notification subscribes to: those that people are told of, and those that tell who the people are."""

from __future__ import annotations

from services.notification.handlers import Notifier
from shared.events.deadline import DeadlineReached
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.envelope import Event
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, DEADLINE_EVENTS, TASK_EVENTS
from shared.events.task import TaskChanged
from shared.messaging.router import EventRouter, named


def consumers(notifier: Notifier) -> EventRouter:
    router = EventRouter("notification")

    @router.events(filter=named(*TASK_EVENTS))
    async def task_changed(event: Event[TaskChanged]) -> None:
        await notifier.tell(event)

    @router.events(filter=named(*DEADLINE_EVENTS))
    async def deadline_reached(event: Event[DeadlineReached]) -> None:
        await notifier.tell(event)

    @router.events(filter=named(AGENCY_CHANGED))
    async def agency_changed(event: Event[AgencyChanged]) -> None:
        await notifier.learn_agency(event)

    @router.events(filter=named(ACCOUNT_CHANGED))
    async def account_changed(event: Event[AccountChanged]) -> None:
        await notifier.learn_person(event)

    return router
