"""The composition root of assignment: the only place where its parts are wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import orjson
from fastapi import FastAPI

from services.assignment.directory.api import accounts, agencies, auth, me, on_too_many_failures
from services.assignment.directory.attempts import Attempts, FailureLimits, TooManyFailuresError
from services.assignment.directory.authentication import by_account
from services.assignment.directory.handlers import Directory
from services.assignment.directory.passwords import Passwords
from services.assignment.directory.sign_in import SignIn
from services.assignment.directory.store import ACCOUNTS, AGENCIES, DirectoryStore
from services.assignment.directory.store import INDEXES as DIRECTORY_INDEXES
from services.assignment.directory.tokens import TokenIssuer
from services.assignment.settings import AssignmentSettings
from services.assignment.tasks.api.acts import acts_router
from services.assignment.tasks.api.batches import batches_router
from services.assignment.tasks.api.reads import TaskReads
from services.assignment.tasks.api.tasks import tasks_router
from services.assignment.tasks.batches import INDEXES as BATCH_INDEXES
from services.assignment.tasks.batches import BatchStore
from services.assignment.tasks.consumers import task_consumers
from services.assignment.tasks.handlers import Office, TaskHandlers
from services.assignment.tasks.store import COLLECTION as TASKS
from services.assignment.tasks.store import INDEXES as TASK_INDEXES
from services.assignment.tasks.store import TaskStore
from shared.app import create_app
from shared.background import Background
from shared.clock import Clock
from shared.health import Part
from shared.messaging.wiring import Messaging
from shared.mongo import connect, ensure_indexes, is_up
from shared.office.workdays import WorkCalendar
from shared.web.auth import Verifier

SERVICE: Final = AssignmentSettings.service()
INDEXES: Final = (*DIRECTORY_INDEXES, *TASK_INDEXES, *BATCH_INDEXES)
OUTBOXES: Final = (TASKS, AGENCIES, ACCOUNTS)
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
    tasks = TaskStore(database, messaging.relay)
    batches = BatchStore(database, tasks)
    policy = settings.office.policy()
    office = Office(clock, WorkCalendar(policy), policy)
    handlers = TaskHandlers(tasks, batches, directory, office)
    reads = TaskReads(tasks, handlers, office)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(task_consumers(handlers), prepare=lambda: ensure_indexes(database, INDEXES))
        async with running, Background(SERVICE) as background:
            background.start("batches", batches.sweep)
            yield
        client.close()

    app = create_app(
        title="Đôn Đốc: assignment",
        settings=settings,
        routers=[
            *ROUTERS,
            tasks_router(handlers, reads),
            acts_router(handlers, reads),
            batches_router(handlers),
        ],
        parts=[
            Part("mongodb", lambda: is_up(client), required=True),
            Part("rabbitmq", messaging.is_up, required=False),
        ],
        lifespan=lifespan,
        authenticate=by_account(Verifier(settings.public_keys), directory),
    )
    _add_directory(app, settings, directory, messaging, clock)
    return app


def _add_directory(
    app: FastAPI, settings: AssignmentSettings, store: DirectoryStore, messaging: Messaging, clock: Clock
) -> None:
    passwords = make_passwords(settings)
    limits = FailureLimits(settings.failed_sign_ins_per_account, settings.failed_sign_ins_per_address)
    lifetime = timedelta(seconds=settings.token_seconds)
    app.state.directory = Directory(store, clock, passwords, messaging.relay.wake)
    app.state.sign_in = SignIn(store, passwords, Attempts(limits))
    app.state.tokens = TokenIssuer(settings.signing_key.get_secret_value(), lifetime)
    app.state.public_keys = orjson.loads(settings.public_keys)
    app.add_exception_handler(TooManyFailuresError, on_too_many_failures)


def make_passwords(settings: AssignmentSettings) -> Passwords:
    return Passwords(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
