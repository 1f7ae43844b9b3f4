"""assignment in this process on real servers, and the accounts that tests of the directory need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx2
from fastapi import FastAPI

from deploy.local.servers import Servers
from services.assignment.app import build
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.passwords import Passwords
from services.assignment.directory.rules.account import Account
from services.assignment.directory.store import DirectoryStore
from services.assignment.settings import AssignmentSettings
from shared.clock import Clock, SystemClock, true_now
from shared.mongo import Database, connect
from shared.office.vocabulary import Role, Scope
from shared.settings import Mode
from tests.support.messaging import wait_until
from tests.support.servers import Databases, Vhost, temporary_vhost
from tests.support.tokens import TestKeys

KEYS: Final = TestKeys()
PASSWORD: Final = "bông điên điển vàng bến sông"
"""A password that may be set; each person of a test has it."""
FINANCE, BUILDING = "so-tai-chinh", "so-xay-dung"

PEOPLE: Final = (
    Account("quan.tri", "Quản trị", Role.ADMINISTRATOR),
    Account("chu.tich", "Chủ tịch", Role.LEADER),
    Account("chuyen.vien", "Chuyên viên Văn phòng", Role.COORDINATOR, "van-phong"),
    Account("kiem.tra", "Kiểm tra", Role.AUDITOR),
    Account("giam.doc", "Giám đốc", Role.HEAD, FINANCE),
    Account("van.thu", "Văn thư", Role.CLERK, FINANCE),
    Account("can.bo", "Cán bộ", Role.OFFICER, FINANCE),
    Account("phan.mem", "Phần mềm", Role.SERVICE, FINANCE, scopes=frozenset({Scope.TASKS_READ})),
    Account("giam.doc.xd", "Giám đốc Sở Xây dựng", Role.HEAD, BUILDING),
)


@dataclass(frozen=True)
class AssignmentService:
    """The service with its database and its vhost. A test sends requests to it under the name of an account."""

    app: FastAPI
    http: httpx2.AsyncClient
    database: Database
    vhost: Vhost
    settings: AssignmentSettings

    def as_(self, username: str) -> dict[str, str]:
        """Return the headers of this account; what the token says of the role is not what counts."""
        return KEYS.headers_for(username, Role.AUDITOR)

    async def add(self, *accounts: Account, password: str = PASSWORD) -> None:
        for account in accounts:
            await add_account(self.database, account, None if account.is_program else password)

    async def get(self, path: str, by: str, **options: Any) -> httpx2.Response:
        return await self.http.get(path, headers=self.as_(by), **options)

    async def post(self, path: str, body: Any, by: str = "quan.tri") -> httpx2.Response:
        return await self.http.post(path, json=body, headers=self.as_(by))

    async def patch(self, path: str, body: Any, by: str = "quan.tri", **headers: str) -> httpx2.Response:
        return await self.http.patch(path, json=body, headers=self.as_(by) | headers)

    async def sign_in(self, username: str, password: str = PASSWORD) -> httpx2.Response:
        form = {"grant_type": "password", "username": username, "password": password}
        return await self.http.post("/v1/auth/token", data=form)

    async def stored(self, collection: str, key: str) -> dict[str, Any]:
        found = await self.database[collection].find_one({"_id": key})
        assert found is not None
        return found


@asynccontextmanager
async def another_replica(service: AssignmentService) -> AsyncIterator[httpx2.AsyncClient]:
    """Run a second replica of the service, which shares nothing with it but the servers."""
    app = build(service.settings)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://assignment") as http,
    ):
        yield http


async def add_account(database: Database, account: Account, password: str | None) -> None:
    """Add an account as `create-administrator` does, with a cheap password; the relay's next sweep publishes it."""
    passwords = Passwords(memory_kib=8, passes=1)
    await DirectoryHandlers(DirectoryStore(database), SystemClock(), passwords, lambda *_: None).add_account(
        account, password
    )


def settings_for(mongodb_uri: str, mongodb_database: str, amqp_url: str, **others: Any) -> AssignmentSettings:
    """Return settings under which signing in is cheap."""
    plain: dict[str, Any] = {
        "mode": Mode.LOCAL,
        "public_keys": KEYS.public_keys,
        "signing_key": KEYS.signing_key,
        "password_memory_kib": 8,
        "password_passes": 1,
        "failed_sign_ins_per_account": "3 per 5 minute",
    }
    where = {"mongodb_uri": mongodb_uri, "mongodb_database": mongodb_database, "amqp_url": amqp_url}
    return AssignmentSettings(**plain | where | others)


@asynccontextmanager
async def running_assignment(
    servers: Servers,
    people: Iterable[Account] = PEOPLE,
    *,
    clock: Clock | None = None,
    now: Callable[[], datetime] = true_now,
    **others: Any,
) -> AsyncIterator[AssignmentService]:
    """Run the service with these accounts and the agencies they are of."""
    async with AsyncExitStack() as afterwards:
        made = await Databases(servers, afterwards).create("assignment")
        vhost = await afterwards.enter_async_context(temporary_vhost(servers))
        settings = settings_for(made.uri, made.name, vhost.amqp_url, **others)
        app = build(settings, clock=clock, now=now)
        await afterwards.enter_async_context(app.router.lifespan_context(app))
        transport = httpx2.ASGITransport(app)
        http = await afterwards.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://assignment")
        )
        client = connect(made.uri, "tests")
        afterwards.callback(client.close)
        service = AssignmentService(app, http, client[made.name], vhost, settings)
        await wait_until(lambda: _is_ready(http), "assignment is ready")
        await _fill_directory(service, people)
        yield service


async def _fill_directory(service: AssignmentService, people: Iterable[Account]) -> None:
    accounts = list(people)
    await service.add(*accounts)
    for code in sorted({account.agency for account in accounts if account.agency}):
        answer = await service.post("/v1/agencies", {"code": code, "name": f"Cơ quan {code}", "kind": "department"})
        assert answer.status_code == httpx2.codes.CREATED, answer.text


async def _is_ready(http: httpx2.AsyncClient) -> bool:
    return bool((await http.get("/health/ready")).json()["status"] == "ready")
