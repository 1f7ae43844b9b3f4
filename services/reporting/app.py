"""The composition root: the only place where the service's parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

from fastapi import FastAPI

from services.reporting.api.summary import summary_router
from services.reporting.consumers import consumers
from services.reporting.handlers import Recorder, Summaries
from services.reporting.metrics import Figures
from services.reporting.settings import ReportingSettings
from services.reporting.store import INDEXES, Names, Versions, fill_same
from shared.app import client_for_lists, client_of, create_app, parts_of
from shared.background import Background
from shared.clock import Clock
from shared.lane import Lane
from shared.messaging.asyncapi import describe_messages
from shared.messaging.wiring import Messaging
from shared.mongo import ensure_indexes
from shared.office.workdays import WorkCalendar


def build(settings: ReportingSettings, *, clock: Clock | None = None) -> FastAPI:
    """Put the service together; nothing is connected before it starts. `clock` replaces the clock of the settings."""
    service = settings.service()
    clock = clock or settings.clock()
    calendar = WorkCalendar(settings.office.policy())
    client, lists_client = client_of(settings), client_for_lists(settings, share=0.8)
    database, lists = client[settings.mongodb_database], lists_client[settings.mongodb_database]
    messaging = Messaging(
        service,
        settings.amqp_url.get_secret_value(),
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    versions, names = Versions(database), Names(database)
    recorder = Recorder(versions, names)
    summaries = Summaries(Versions(lists), Names(lists), clock, calendar)
    figures = Figures(summaries, settings.figures_keep_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(consumers(recorder), prepare=partial(ensure_indexes, database, INDEXES))
        with closing(client), closing(lists_client):
            async with running, Background(service) as background:
                background.start("same", partial(fill_same, database), after=messaging.prepared)
                yield
                await figures.stop()

    return create_app(
        settings,
        routers=[summary_router(summaries, Lane("summaries", at_once=2))],
        parts=parts_of(database, messaging),
        lifespan=lifespan,
        asyncapi=partial(describe_messages, service),
        before_scrape=[messaging.measure, figures.refresh],
    )
