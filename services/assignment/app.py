"""The composition root of assignment: the only place where its parts are wired."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import orjson
from fastapi import APIRouter, FastAPI

from services.assignment.directory.api import accounts, agencies, auth, me, on_too_many_failures
from services.assignment.directory.attempts import Attempts, FailureLimits, TooManyFailuresError
from services.assignment.directory.authentication import by_account
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.lookups import Lookups
from services.assignment.directory.passwords import Passwords
from services.assignment.directory.sign_in import SignIn
from services.assignment.directory.store import ACCOUNTS, AGENCIES, DirectoryStore
from services.assignment.directory.store import INDEXES as DIRECTORY_INDEXES
from services.assignment.directory.tokens import TokenIssuer
from services.assignment.settings import AssignmentSettings
from services.assignment.tasks.api.acts import acts_router
from services.assignment.tasks.api.batches import batches_router
from services.assignment.tasks.api.tasks import tasks_router
from services.assignment.tasks.consumers import task_consumers
from services.assignment.tasks.handlers import Office, TaskHandlers
from services.assignment.tasks.reads import TaskReads
from services.assignment.tasks.store import INDEXES as TASK_INDEXES
from services.assignment.tasks.store import TASKS, BatchStore, TaskStore
from shared.app import create_app
from shared.background import Background
from shared.clock import Clock
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, TASK_FACTS, task_event
from shared.health import Part
from shared.messaging.asyncapi import describe
from shared.messaging.consumer import Handler
from shared.messaging.relay import Relay
from shared.messaging.wiring import Messaging
from shared.mongo import Database, connect, ensure_indexes, is_up
from shared.office.workdays import WorkCalendar
from shared.web.auth import Verifier

SERVICE: Final = AssignmentSettings.service()
INDEXES: Final = (*DIRECTORY_INDEXES, *TASK_INDEXES)
OUTBOXES: Final = (TASKS, AGENCIES, ACCOUNTS)
PUBLISHES: Final = (*map(task_event, TASK_FACTS), AGENCY_CHANGED, ACCOUNT_CHANGED)
ROUTERS: Final = (auth.router, auth.keys_router, me.router, agencies.router, accounts.router)


def build(settings: AssignmentSettings, *, clock: Clock | None = None) -> FastAPI:
    """Compose the service; nothing is connected before it runs. `clock` replaces the one the settings name."""
    clock = clock or settings.clock()
    client = connect(settings.mongodb_uri.get_secret_value(), SERVICE)
    database = client[settings.mongodb_database]
    messaging = Messaging(
        SERVICE,
        settings.amqp_url.get_secret_value(),
        outboxes=[database[name] for name in OUTBOXES],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )
    directory = DirectoryStore(database)
    lookups = Lookups(directory)
    tasks = _tasks(settings, database, messaging.relay, lookups, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(tasks.consumers, prepare=lambda: ensure_indexes(database, INDEXES))
        try:
            async with running, Background(SERVICE) as background:
                background.start("batches", tasks.sweep)
                yield
                await tasks.drain()
        finally:
            client.close()

    app = create_app(
        title="Đôn Đốc: assignment",
        settings=settings,
        routers=[*tasks.routers, *ROUTERS],
        parts=[
            Part("mongodb", lambda: is_up(client), required=True),
            Part("rabbitmq", messaging.is_up, required=False),
        ],
        lifespan=lifespan,
        authenticate=by_account(Verifier(settings.public_keys), lookups),
        asyncapi=partial(describe, SERVICE, PUBLISHES),
        before_scrape=[messaging.measure],
    )
    _add_directory(app, settings, directory, messaging, clock)
    return app


@dataclass(frozen=True, slots=True)
class _Tasks:
    """What tasks bring to the service."""

    routers: Sequence[APIRouter]
    consumers: Mapping[str, Handler]
    sweep: Callable[[], Awaitable[None]]
    drain: Callable[[], Awaitable[None]]


def _tasks(settings: AssignmentSettings, database: Database, relay: Relay, directory: Lookups, clock: Clock) -> _Tasks:
    store = TaskStore(database, relay)
    batches = BatchStore(database, store)
    policy = settings.office.policy()
    office = Office(clock, WorkCalendar(policy), policy)
    handlers = TaskHandlers(store, batches, directory, office)
    reads = TaskReads(store, handlers, office)
    routers = [tasks_router(handlers, reads), acts_router(handlers, reads), batches_router(handlers)]
    return _Tasks(routers, task_consumers(handlers), batches.sweep, store.drain)


def _add_directory(
    app: FastAPI, settings: AssignmentSettings, store: DirectoryStore, messaging: Messaging, clock: Clock
) -> None:
    passwords = make_passwords(settings)
    limits = FailureLimits(settings.failed_sign_ins_per_account, settings.failed_sign_ins_per_address)
    lifetime = timedelta(seconds=settings.token_seconds)
    app.state.directory = DirectoryHandlers(store, clock, passwords, messaging.relay.wake)
    app.state.sign_in = SignIn(store, passwords, Attempts(limits))
    app.state.tokens = TokenIssuer(settings.signing_key.get_secret_value(), lifetime)
    app.state.gateways = settings.gateways
    app.state.public_keys = orjson.loads(settings.public_keys)
    app.add_exception_handler(TooManyFailuresError, on_too_many_failures)


def make_passwords(settings: AssignmentSettings) -> Passwords:
    return Passwords(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
