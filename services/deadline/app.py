"""The composition root: the only place where the service's parts meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.deadline.api.deadlines import deadlines_router
from services.deadline.api.terms import terms_router
from services.deadline.consumers import consumers
from services.deadline.handlers import Observer
from services.deadline.monitor import Monitor
from services.deadline.settings import DeadlineSettings
from services.deadline.store import WATCHES, WatchStore
from shared.app import create_app
from shared.background import Background
from shared.clock import Clock
from shared.events.names import DEADLINE_KINDS, deadline_event
from shared.health import Part
from shared.messaging.asyncapi import describe
from shared.messaging.wiring import Messaging
from shared.mongo import connect, is_up
from shared.office.workdays import WorkCalendar


def build(settings: DeadlineSettings, *, clock: Clock | None = None) -> FastAPI:
    """Put the service together; `clock` replaces the one the settings name."""
    clock = clock or settings.clock()
    calendar = WorkCalendar(settings.office.policy())
    service = settings.service()
    client = connect(settings.mongodb_uri.get_secret_value(), service)
    store = WatchStore(client[settings.mongodb_database])
    messaging = Messaging(
        service,
        settings.amqp_url.get_secret_value(),
        outboxes=[store.collection],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )
    monitor = Monitor(
        store,
        clock,
        calendar,
        partial(messaging.relay.wake_many, WATCHES),
        poll_interval=settings.poll_interval,
        batch=settings.batch,
    )

    async def watch_time() -> None:
        await messaging.prepared.wait()
        await monitor.run()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(consumers(Observer(store, calendar)), prepare=store.ensure_indexes)
        async with running, Background(service) as background:
            background.start("monitor", watch_time)
            yield
        client.close()

    return create_app(
        title="Đôn Đốc: deadline",
        settings=settings,
        routers=[deadlines_router(store, clock, calendar), terms_router(calendar)],
        parts=[
            Part("mongodb", partial(is_up, client), required=True),
            Part("rabbitmq", messaging.is_up, required=False),
        ],
        lifespan=lifespan,
        asyncapi=partial(describe, service, [deadline_event(kind) for kind in DEADLINE_KINDS]),
        before_scrape=[messaging.measure],
    )
