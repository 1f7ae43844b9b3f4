"""The composition root of reporting: the only place where things are wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.reporting.api.summary import summary_router
from services.reporting.consumers import consumers
from services.reporting.handlers import Recorder, Summaries
from services.reporting.metrics import Figures
from services.reporting.settings import ReportingSettings
from services.reporting.store import INDEXES, Names, Versions
from shared.app import create_app
from shared.health import Part
from shared.messaging.asyncapi import describe
from shared.messaging.wiring import Messaging
from shared.mongo import connect, ensure_indexes, is_up
from shared.office.workdays import WorkCalendar


def build(settings: ReportingSettings) -> FastAPI:
    """Make the service; nothing is connected before it starts."""
    client = connect(settings.mongodb_uri.get_secret_value(), "reporting")
    database = client[settings.mongodb_database]
    versions, names = Versions(database), Names(database)
    clock = settings.clock()
    summaries = Summaries(versions, names, clock, WorkCalendar(settings.office.policy()))
    figures = Figures(summaries, settings.figures_keep_seconds)
    messaging = Messaging(
        "reporting",
        settings.amqp_url.get_secret_value(),
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        router = consumers(Recorder(versions, names))
        async with messaging.running(router, prepare=lambda: ensure_indexes(database, INDEXES)):
            yield
        client.close()

    return create_app(
        title="Đôn Đốc: reporting",
        settings=settings,
        routers=[summary_router(summaries, clock)],
        parts=[
            Part("mongodb", lambda: is_up(client), required=True),
            Part("rabbitmq", messaging.is_up, required=False),
        ],
        lifespan=lifespan,
        asyncapi=partial(describe, "reporting"),
        before_scrape=[messaging.measure, figures.refresh],
    )
