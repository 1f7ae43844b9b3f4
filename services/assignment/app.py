"""The composition root: the only place where the service's parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from typing import Final

import orjson
from fastapi import APIRouter, FastAPI

from services.assignment.directory.api.accounts import accounts_router
from services.assignment.directory.api.agencies import agencies_router
from services.assignment.directory.api.auth import auth_router, keys_router
from services.assignment.directory.api.me import me_router
from services.assignment.directory.attempts import Attempts
from services.assignment.directory.authentication import by_account
from services.assignment.directory.failures import FailureLimits, Failures
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
from services.assignment.tasks.consumers import consumers
from services.assignment.tasks.handlers import Office, TaskHandlers
from services.assignment.tasks.reads import TaskReader
from services.assignment.tasks.store import INDEXES as TASK_INDEXES
from services.assignment.tasks.store import TASKS, BatchStore, TaskLists, TaskStore, Upgrade
from shared.app import client_for_lists, client_of, create_app, parts_of
from shared.background import Background
from shared.clock import Clock
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, TASK_EVENTS
from shared.messaging.asyncapi import describe_messages
from shared.messaging.relay import Relay
from shared.messaging.wiring import Messaging
from shared.mongo import ensure_indexes
from shared.office.workdays import WorkCalendar
from shared.web.auth import Verifier

INDEXES: Final = (*DIRECTORY_INDEXES, *TASK_INDEXES)
OUTBOXES: Final = (TASKS, AGENCIES, ACCOUNTS)
PUBLISHES: Final = (*TASK_EVENTS, AGENCY_CHANGED, ACCOUNT_CHANGED)


def build(settings: AssignmentSettings, *, clock: Clock | None = None) -> FastAPI:
    """Put the service together; nothing is connected before it starts. `clock` replaces the clock of the settings."""
    service = settings.service()
    clock = clock or settings.clock()
    policy = settings.office.policy()
    office = Office(clock, WorkCalendar(policy), policy)
    client, lists_client = client_of(settings), client_for_lists(settings)
    database, lists = client[settings.mongodb_database], lists_client[settings.mongodb_database]
    messaging = Messaging(
        service,
        settings.amqp_url.get_secret_value(),
        outboxes=[database[name] for name in OUTBOXES],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )

    directory = DirectoryStore(database)
    lookups = Lookups(directory)
    task_store = TaskStore(database, messaging.relay)
    batch_store = BatchStore(database, task_store)
    tasks = TaskHandlers(task_store, batch_store, lookups, office)
    reads = TaskReader(task_store, TaskLists(lists), tasks, lookups, office)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(consumers(tasks), prepare=partial(ensure_indexes, database, INDEXES))
        with closing(client), closing(lists_client):
            async with running, Background(service) as background:
                background.start("batches", batch_store.sweep, after=messaging.prepared)
                background.start("upgrade", Upgrade(database).run, after=messaging.prepared)
                yield
                await task_store.drain()

    return create_app(
        settings,
        routers=[
            tasks_router(tasks, reads),
            acts_router(tasks, reads),
            batches_router(tasks),
            *_directory_routers(settings, directory, lookups, clock, messaging.relay),
        ],
        parts=parts_of(database, messaging),
        lifespan=lifespan,
        authenticate=by_account(Verifier(settings.public_keys, most_kept=settings.tokens_kept), lookups),
        asyncapi=partial(describe_messages, service, PUBLISHES),
        before_scrape=[messaging.measure],
    )


def _directory_routers(
    settings: AssignmentSettings, store: DirectoryStore, lookups: Lookups, clock: Clock, relay: Relay
) -> list[APIRouter]:
    passwords = make_passwords(settings)
    handlers = DirectoryHandlers(store, clock, passwords, relay.wake)
    sign_in = SignIn(store, lookups, passwords, _attempts(settings))
    tokens = TokenIssuer(settings.signing_key.get_secret_value(), timedelta(seconds=settings.token_seconds))
    return [
        auth_router(sign_in, tokens, settings.gateways),
        keys_router(orjson.loads(settings.public_keys)),
        me_router(handlers, sign_in, settings.gateways),
        agencies_router(handlers),
        accounts_router(handlers),
    ]


def _attempts(settings: AssignmentSettings) -> Attempts:
    limits = FailureLimits(
        account=settings.failed_sign_ins_per_account,
        address=settings.failed_sign_ins_per_address,
        name=settings.failed_sign_ins_per_name,
    )
    return Attempts(Failures(limits), settings.sign_in_delay_seconds)


def make_passwords(settings: AssignmentSettings) -> Passwords:
    return Passwords(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
