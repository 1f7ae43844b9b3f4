"""The composition root: the only place where the service's parts meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.notification.api.inbox import inbox_router
from services.notification.consumers import consumers
from services.notification.handlers import Notifier
from services.notification.settings import NotificationSettings
from services.notification.store import INDEXES, DirectoryCopy, Inbox
from shared.app import create_app
from shared.clock import Clock
from shared.health import Part
from shared.messaging.asyncapi import describe
from shared.messaging.wiring import Messaging
from shared.mongo import connect, ensure_indexes, is_up
from shared.office.workdays import WorkCalendar


def build(settings: NotificationSettings, *, clock: Clock | None = None) -> FastAPI:
    """Put the service together; `clock` replaces the one the settings name."""
    service = settings.service()
    client = connect(settings.mongodb_uri.get_secret_value(), service)
    database = client[settings.mongodb_database]
    inbox = Inbox(database)
    notifier = Notifier(DirectoryCopy(database), inbox, WorkCalendar(settings.office.policy()))
    messaging = Messaging(
        service,
        settings.amqp_url.get_secret_value(),
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with messaging.running(consumers(notifier), prepare=partial(ensure_indexes, database, INDEXES)):
            yield
        client.close()

    return create_app(
        title="Đôn Đốc: notification",
        settings=settings,
        routers=[inbox_router(inbox, clock or settings.clock(), settings.public_url)],
        parts=[
            Part("mongodb", partial(is_up, client), required=True),
            Part("rabbitmq", messaging.is_up, required=False),
        ],
        lifespan=lifespan,
        asyncapi=partial(describe, service),
        before_scrape=[messaging.measure],
    )
