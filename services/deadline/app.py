"""The composition root: the only place where the service's parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Final

from fastapi import FastAPI

from services.deadline.announcing import Announcing
from services.deadline.api.deadlines import deadlines_router
from services.deadline.api.terms import terms_router
from services.deadline.consumers import consumers
from services.deadline.handlers import DeadlineReader, Observer
from services.deadline.monitor import Monitor
from services.deadline.rules.quiet import QuietTime
from services.deadline.settings import DeadlineSettings
from services.deadline.store import INDEXES, WATCHES, WatchStore
from shared.app import client_of, create_app, parts_of
from shared.background import Background
from shared.clock import Clock
from shared.events.names import DEADLINE_EVENTS
from shared.messaging.asyncapi import describe_messages
from shared.messaging.wiring import Messaging
from shared.mongo import ensure_indexes
from shared.office.workdays import WorkCalendar

OUTBOXES: Final = (WATCHES,)
PUBLISHES: Final = DEADLINE_EVENTS


def build(settings: DeadlineSettings, *, clock: Clock | None = None) -> FastAPI:
    """Put the service together; nothing is connected before it starts. `clock` replaces the clock of the settings."""
    service = settings.service()
    clock = clock or settings.clock()
    calendar = WorkCalendar(settings.office.policy())
    client = client_of(settings)
    database = client[settings.mongodb_database]
    messaging = Messaging(
        service,
        settings.amqp_url.get_secret_value(),
        outboxes=[database[name] for name in OUTBOXES],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    store = WatchStore(database)
    observer = Observer(store, calendar)
    announcing = Announcing(messaging, clock, QuietTime(settings.quiet_seconds))
    reader = DeadlineReader(store, clock, calendar)
    monitor = Monitor(
        store,
        clock,
        calendar,
        partial(messaging.relay.wake_many, WATCHES),
        announcing.may_announce,
        poll_interval=settings.poll_interval,
        batch=settings.batch,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(
            consumers(observer, announcing.taking_in), prepare=partial(ensure_indexes, database, INDEXES)
        )
        with closing(client):
            async with running, Background(service) as background:
                background.start("announcing", announcing.run)
                background.start("monitor", monitor.run, after=messaging.prepared)
                yield

    return create_app(
        settings,
        routers=[deadlines_router(reader), terms_router(calendar)],
        parts=parts_of(database, messaging),
        lifespan=lifespan,
        asyncapi=partial(describe_messages, service, PUBLISHES),
        before_scrape=[messaging.measure],
    )
