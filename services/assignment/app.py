"""The composition root of assignment: the only place where its parts are wired."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
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
from shared.app import create_app
from shared.health import Part
from shared.messaging.consumer import Handler
from shared.messaging.wiring import Messaging
from shared.mongo import connect, ensure_indexes, is_up
from shared.web.auth import Verifier

SERVICE: Final = AssignmentSettings.service()
INDEXES: Final = (*DIRECTORY_INDEXES,)
OUTBOXES: Final = (AGENCIES, ACCOUNTS)
ROUTERS: Final = (auth.router, auth.keys_router, me.router, agencies.router, accounts.router)


def build(settings: AssignmentSettings) -> FastAPI:
    """Compose the service; nothing is connected before it runs."""
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
    handlers: Mapping[str, Handler] = {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with messaging.running(handlers, prepare=lambda: ensure_indexes(database, INDEXES)):
            yield
        client.close()

    app = create_app(
        title="Đôn Đốc: assignment",
        settings=settings,
        routers=ROUTERS,
        parts=[
            Part("mongodb", lambda: is_up(client), required=True),
            Part("rabbitmq", messaging.is_up, required=False),
        ],
        lifespan=lifespan,
        authenticate=by_account(Verifier(settings.public_keys), directory),
    )
    _add_directory(app, settings, directory, messaging)
    return app


def _add_directory(app: FastAPI, settings: AssignmentSettings, store: DirectoryStore, messaging: Messaging) -> None:
    passwords = make_passwords(settings)
    limits = FailureLimits(settings.failed_sign_ins_per_account, settings.failed_sign_ins_per_address)
    lifetime = timedelta(seconds=settings.token_seconds)
    app.state.directory = Directory(store, settings.clock(), passwords, messaging.relay.wake)
    app.state.sign_in = SignIn(store, passwords, Attempts(limits))
    app.state.tokens = TokenIssuer(settings.signing_key.get_secret_value(), lifetime)
    app.state.public_keys = orjson.loads(settings.public_keys)
    app.add_exception_handler(TooManyFailuresError, on_too_many_failures)


def make_passwords(settings: AssignmentSettings) -> Passwords:
    return Passwords(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
