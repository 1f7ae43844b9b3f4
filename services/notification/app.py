"""The composition root: the only place where the service's parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

from fastapi import FastAPI

from services.notification.api.inbox import inbox_router
from services.notification.consumers import consumers
from services.notification.handlers import Notifier
from services.notification.known_tasks import INDEXES as TASK_INDEXES
from services.notification.known_tasks import KnownTasks
from services.notification.reads import InboxReader
from services.notification.settings import NotificationSettings
from services.notification.store import INDEXES, DirectoryCopy, Inbox
from services.notification.truth import Truth
from shared.app import client_for_lists, client_of, create_app, parts_of
from shared.clock import Clock
from shared.lane import Lane
from shared.messaging.asyncapi import describe_messages
from shared.messaging.wiring import Messaging
from shared.mongo import ensure_indexes
from shared.office.workdays import WorkCalendar


def build(settings: NotificationSettings, *, clock: Clock | None = None) -> FastAPI:
    """Put the service together; nothing is connected before it starts. `clock` replaces the clock of the settings."""
    service = settings.service()
    clock = clock or settings.clock()
    calendar = WorkCalendar(settings.office.policy())
    client, lists_client = client_of(settings), client_for_lists(settings)
    database, lists = client[settings.mongodb_database], lists_client[settings.mongodb_database]
    messaging = Messaging(
        service,
        settings.amqp_url.get_secret_value(),
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    inbox = Inbox(database)
    notifier = Notifier(DirectoryCopy(database), inbox, calendar, Truth(KnownTasks(database)), clock)
    reader = InboxReader(Inbox(lists), clock, Lane("inbox.lists"))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        prepare = partial(ensure_indexes, database, (*INDEXES, *TASK_INDEXES))
        running = messaging.running(consumers(notifier), prepare=prepare)
        with closing(client), closing(lists_client):
            async with running:
                yield

    return create_app(
        settings,
        routers=[inbox_router(reader, settings.public_url)],
        parts=parts_of(database, messaging),
        lifespan=lifespan,
        asyncapi=partial(describe_messages, service),
        before_scrape=[messaging.measure],
    )
