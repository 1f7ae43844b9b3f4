"""reporting in this process: its HTTP, and its collections in a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx2
from fastapi import FastAPI

from services.reporting.app import build
from services.reporting.settings import ReportingSettings
from services.reporting.store import INDEXES
from shared.mongo import Database as Collections
from shared.mongo import connect, ensure_indexes
from shared.office.vocabulary import Role
from shared.settings import Mode
from tests.support.servers import Database
from tests.support.tokens import TestKeys

KEYS = TestKeys()
LEADER = KEYS.headers_for("chu.tich", Role.LEADER)


def settings_for(database: Database, amqp_url: str, clock_file: Path | None = None) -> ReportingSettings:
    return ReportingSettings(
        mode=Mode.LOCAL,
        mongodb_uri=database.uri,
        mongodb_database=database.name,
        amqp_url=amqp_url,
        public_keys=KEYS.public_keys,
        clock_file=clock_file,
        figures_keep_seconds=0,
        retry_delays=(0.05, 0.1),
    )


@asynccontextmanager
async def collections_of(database: Database) -> AsyncIterator[Collections]:
    """The database with reporting's indexes."""
    client = connect(database.uri, "tests")
    try:
        await ensure_indexes(client[database.name], INDEXES)
        yield client[database.name]
    finally:
        client.close()


@asynccontextmanager
async def running(settings: ReportingSettings) -> AsyncIterator[httpx2.AsyncClient]:
    """Run the whole service, with its consumer, and yield a client."""
    app: FastAPI = build(settings)
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://reporting") as client:
        yield client


def set_clock(file: Path, moment: datetime) -> None:
    """Set the clock of the service. The file is replaced by a rename, because the service may be reading it."""
    new = file.with_suffix(".new")
    new.write_text(moment.isoformat(), encoding="utf-8")
    new.replace(file)
