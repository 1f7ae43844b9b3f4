"""The composition root: the only place where the service's parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import orjson
from fastapi import APIRouter, FastAPI

from services.assignment.directory.api.accounts import accounts_router
from services.assignment.directory.api.agencies import agencies_router
from services.assignment.directory.api.auth import keys_router, revoke_router, token_router
from services.assignment.directory.api.grants import Grants
from services.assignment.directory.api.me import me_router
from services.assignment.directory.api.sessions import sessions_router
from services.assignment.directory.attempts import Attempts
from services.assignment.directory.authentication import by_account
from services.assignment.directory.clients import FirstPartyClient
from services.assignment.directory.failures import FailureLimits, Failures
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.lookups import Lookups
from services.assignment.directory.one_time import OneTimePasswords
from services.assignment.directory.password_changes import PasswordChanges
from services.assignment.directory.passwords import Passwords
from services.assignment.directory.session_store import INDEXES as SESSION_INDEXES
from services.assignment.directory.session_store import SessionStore
from services.assignment.directory.sessions import Sessions
from services.assignment.directory.sign_in import SignIn
from services.assignment.directory.sign_in_log import Attempted
from services.assignment.directory.store import ACCOUNTS, AGENCIES, DirectoryStore
from services.assignment.directory.store import INDEXES as DIRECTORY_INDEXES
from services.assignment.directory.tokens import TokenIssuer
from services.assignment.settings import AssignmentSettings
from services.assignment.tasks.api.acts import acts_router
from services.assignment.tasks.api.batches import batches_router
from services.assignment.tasks.api.tasks import tasks_router
from services.assignment.tasks.api.work import work_router
from services.assignment.tasks.consumers import consumers
from services.assignment.tasks.handlers import Office, TaskHandlers
from services.assignment.tasks.left_officers import LeftOfficers
from services.assignment.tasks.reads import TaskReader
from services.assignment.tasks.store import INDEXES as TASK_INDEXES
from services.assignment.tasks.store import TASKS, BatchStore, TaskLists, TaskStore, keep_derived
from shared.app import client_for_lists, client_of, create_app, parts_of
from shared.background import Background
from shared.clock import Clock, true_now
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, TASK_EVENTS
from shared.messaging.asyncapi import describe_messages
from shared.messaging.wiring import Messaging
from shared.mongo import Database, ensure_indexes
from shared.office.workdays import WorkCalendar
from shared.web.auth import Verifier

INDEXES: Final = (*DIRECTORY_INDEXES, *SESSION_INDEXES, *TASK_INDEXES)
OUTBOXES: Final = (TASKS, AGENCIES, ACCOUNTS)
PUBLISHES: Final = (*TASK_EVENTS, AGENCY_CHANGED, ACCOUNT_CHANGED)


def build(
    settings: AssignmentSettings, *, clock: Clock | None = None, now: Callable[[], datetime] = true_now
) -> FastAPI:
    """Put the service together; nothing is connected before it starts.

    `clock` replaces the clock of the settings. `now` is the true time, by which tokens and sessions end.
    """
    service = settings.service()
    clock = clock or settings.clock()
    policy = settings.office.policy()
    office = Office(clock, WorkCalendar(policy), policy)
    client, lists_client = client_of(settings), client_for_lists(settings)
    database, lists = client[settings.mongodb_database], lists_client[settings.mongodb_database]
    messaging = _messaging(settings, database)

    directory, session_store = DirectoryStore(database), SessionStore(database)
    lookups = Lookups(directory, session_store)
    verifier = Verifier(settings.public_keys, now, most_kept=settings.tokens_kept)
    sessions = Sessions(session_store, lookups, verifier, timedelta(hours=settings.session_hours), now)
    task_store = TaskStore(database, messaging.relay)
    batch_store = BatchStore(database, task_store, clock)
    tasks = TaskHandlers(task_store, batch_store, lookups, office)
    reads = TaskReader(task_store, batch_store, TaskLists(lists), tasks, lookups, office)
    left_officers = LeftOfficers(task_store, lookups, tasks)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = messaging.running(consumers(tasks), prepare=partial(prepare, database))
        with closing(client), closing(lists_client):
            async with running, Background(service) as background:
                background.start("batches", batch_store.sweep, after=messaging.prepared)
                background.start("left_officers", left_officers.run, after=messaging.prepared)
                background.start("derived", partial(keep_derived, database), after=messaging.prepared)
                yield
                await task_store.drain()

    return create_app(
        settings,
        routers=[
            tasks_router(tasks, reads),
            acts_router(tasks, reads),
            batches_router(tasks),
            work_router(reads),
            *_directory_routers(settings, directory, lookups, sessions, clock, now, _wake(messaging, left_officers)),
        ],
        parts=parts_of(database, messaging),
        lifespan=lifespan,
        authenticate=by_account(verifier, lookups, now),
        asyncapi=partial(describe_messages, service, PUBLISHES),
        before_scrape=[messaging.measure],
    )


def _messaging(settings: AssignmentSettings, database: Database) -> Messaging:
    return Messaging(
        settings.service(),
        settings.amqp_url.get_secret_value(),
        outboxes=[database[name] for name in OUTBOXES],
        retry_delays=settings.retry_delays,
        prefetch=settings.prefetch,
    )


def _wake(messaging: Messaging, left_officers: LeftOfficers) -> Callable[[str, str], None]:
    """Return what the directory calls after a write: its event is published, and officers who left are looked for."""

    def wake(collection: str, record_id: str) -> None:
        messaging.relay.wake(collection, record_id)
        left_officers.wake()

    return wake


def _directory_routers(
    settings: AssignmentSettings,
    store: DirectoryStore,
    lookups: Lookups,
    sessions: Sessions,
    clock: Clock,
    now: Callable[[], datetime],
    wake: Callable[[str, str], None],
) -> list[APIRouter]:
    passwords = make_passwords(settings)
    handlers = DirectoryHandlers(store, clock, passwords, wake)
    attempts = {attempted: _attempts(settings) for attempted in Attempted}
    sign_in = SignIn(store, lookups, passwords, attempts, clock)
    one_time = make_one_time(settings, store, clock, passwords)
    changes = PasswordChanges(store, handlers, sign_in, passwords, one_time)
    secret = settings.web_client_secret
    client = FirstPartyClient(secret.get_secret_value() if secret else None)
    tokens = TokenIssuer(settings.signing_key.get_secret_value(), timedelta(seconds=settings.token_seconds), now)
    return [
        token_router(Grants(sign_in, sessions, client, settings.gateways), tokens),
        revoke_router(sessions, client),
        keys_router(orjson.loads(settings.public_keys)),
        me_router(handlers, changes, settings.gateways),
        sessions_router(sessions),
        agencies_router(handlers),
        accounts_router(handlers, changes, one_time),
    ]


def _attempts(settings: AssignmentSettings) -> Attempts:
    limits = FailureLimits(
        account=settings.failed_sign_ins_per_account,
        address=settings.failed_sign_ins_per_address,
        name=settings.failed_sign_ins_per_name,
    )
    return Attempts(Failures(limits), settings.sign_in_delay_seconds)


def make_passwords(settings: AssignmentSettings) -> Passwords:
    return Passwords(
        memory_kib=settings.password_memory_kib, passes=settings.password_passes, shortest=settings.password_length
    )


def make_one_time(
    settings: AssignmentSettings, store: DirectoryStore, clock: Clock, passwords: Passwords
) -> OneTimePasswords:
    return OneTimePasswords(store, clock, passwords, timedelta(hours=settings.one_time_password_hours))


async def prepare(database: Database) -> None:
    """Make the indexes, and bring the records of earlier versions into the form of this one; may be repeated."""
    await ensure_indexes(database, INDEXES)
    await DirectoryStore(database).fold_codes()
