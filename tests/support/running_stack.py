"""The four services as processes, with agencies and accounts, an HTTP client for each account, and a settable clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final

import httpx2
from pymongo.asynchronous.collection import AsyncCollection

from deploy.local.servers import QueueCount, Servers
from deploy.local.services import ServiceProcesses, running_services
from shared.messaging.topology import events_queue
from tests.support.clock import MONDAY, local
from tests.support.proxy import TcpProxy

ADMINISTRATOR: Final = "quantri"
QUICK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ASSIGNMENT_PASSWORD_MEMORY_KIB": "8",
        "ASSIGNMENT_PASSWORD_PASSES": "1",
        "DEADLINE_POLL_INTERVAL": "0.1",
        "DEADLINE_QUIET_SECONDS": "0.5",
        "REPORTING_FIGURES_KEEP_SECONDS": "0",
        **{f"{service}_RETRY_DELAYS": "0.2,0.5,1,2" for service in ("ASSIGNMENT", "DEADLINE", "NOTIFICATION")},
        "REPORTING_RETRY_DELAYS": "0.2,0.5,1,2",
    }
)
"""Settings under which signing in costs little and nothing waits long."""

AGENCIES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "vp": ("Văn phòng Ủy ban nhân dân tỉnh", "office"),
        "stc": ("Sở Tài chính", "department"),
        "sxd": ("Sở Xây dựng", "department"),
        "snn": ("Sở Nông nghiệp và Môi trường", "department"),
        "sct": ("Sở Công Thương", "department"),
    }
)
PEOPLE: Final[Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        "chair": ("leader", None),
        "vice-chair": ("leader", None),
        "coordinator": ("coordinator", "vp"),
        "other-coordinator": ("coordinator", "vp"),
        "auditor": ("auditor", None),
        "head-vp": ("head", "vp"),
        "clerk-vp": ("clerk", "vp"),
        "head-stc": ("head", "stc"),
        "clerk-stc": ("clerk", "stc"),
        "officer-stc": ("officer", "stc"),
        "idle-officer-stc": ("officer", "stc"),
        "program-stc": ("service", "stc"),
        "head-sxd": ("head", "sxd"),
        "clerk-sxd": ("clerk", "sxd"),
        "officer-sxd": ("officer", "sxd"),
        "head-snn": ("head", "snn"),
        "clerk-snn": ("clerk", "snn"),
        "officer-snn": ("officer", "snn"),
        "head-sct": ("head", "sct"),
        "clerk-sct": ("clerk", "sct"),
    }
)
"""The role and agency of everyone but the first administrator."""
EVERYBODY: Final = (ADMINISTRATOR, *PEOPLE)


def expect(status: int, answer: httpx2.Response) -> dict[str, Any]:
    """Check the status of an answer and return its JSON."""
    asked = f"{answer.request.method} {answer.request.url}"
    assert answer.status_code == status, f"{asked}: {answer.status_code} instead of {status}: {answer.text}"
    return dict(answer.json())


@dataclass
class Caller:
    """The HTTP client of one account. It signs in at its first request; a token lives longer than a test takes."""

    http: httpx2.AsyncClient
    urls: Mapping[str, str]
    proof: Mapping[str, str]
    headers: Mapping[str, str] | None = None

    async def get(self, path: str, *, at: str = "assignment", **query: Any) -> httpx2.Response:
        """Ask a service by its name, or a replica by its address."""
        return await self.http.get(self.urls.get(at, at) + path, headers=await self._signed_in(), params=query)

    async def post(self, path: str, body: Any = None, *, at: str = "assignment", **headers: str) -> httpx2.Response:
        """Send a body to a service by its name, or to a replica by its address. `If_Match=...` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(
            self.urls.get(at, at) + path, headers={**await self._signed_in(), **named}, json=body
        )

    async def inbox(self, **query: Any) -> dict[str, Any]:
        """Return the newest entries, up to 200 of them."""
        return expect(200, await self.get("/v1/inbox", at="notification", limit=200, **query))

    async def summary(self, **query: Any) -> dict[str, Any]:
        return expect(200, await self.get("/v1/summary", at="reporting", **query))

    async def _signed_in(self) -> Mapping[str, str]:
        if self.headers is None:
            answer = expect(200, await self.http.post(f"{self.urls['assignment']}/v1/auth/token", data=self.proof))
            self.headers = {"Authorization": f"Bearer {answer['access_token']}"}
        return self.headers


@dataclass(frozen=True)
class RunningStack:
    """The running services, and a `Caller` for each account: `stack.as_("chair")`."""

    services: ServiceProcesses
    http: httpx2.AsyncClient
    broker_proxies: Mapping[str, TcpProxy] = field(default_factory=dict)
    """By service, the proxy through which it reaches the broker. Only tests of crashes ask for them."""
    callers: dict[str, Caller] = field(default_factory=dict)

    @property
    def servers(self) -> Servers:
        return self.services.servers

    def as_(self, username: str) -> Caller:
        if username not in self.callers:
            password = self.services.password_of(username)
            self._add_caller(username, {"grant_type": "password", "username": username, "password": password})
        return self.callers[username]

    def _add_caller(self, username: str, proof: Mapping[str, str]) -> None:
        self.callers[username] = Caller(self.http, self.services.urls, proof)

    def set_time(self, local_time: str) -> None:
        """Set the clock of all services to a local time, `2026-10-05T09:00:00`. Time goes on from there."""
        self.services.set_clock(local(local_time))

    def advance(self, time: timedelta) -> None:
        """Move the clock of all services on."""
        self.services.set_clock(self.now() + time)

    def now(self) -> datetime:
        """Return the time on the clock of all services."""
        return self.services.now()

    async def create_accounts(self) -> None:
        """Create `AGENCIES` and `PEOPLE` as the administrator, and wait until every service knows them."""
        administrator = self.as_(ADMINISTRATOR)
        for code, (name, kind) in AGENCIES.items():
            expect(201, await administrator.post("/v1/agencies", {"code": code, "name": name, "kind": kind}))
        for username, (role, agency) in PEOPLE.items():
            await self._create(administrator, {"username": username, "display_name": username, "role": role}, agency)
        await self.services.barrier()

    async def _create(self, administrator: Caller, account: dict[str, Any], agency: str | None) -> None:
        username = account["username"]
        body = account | ({"agency": agency} if agency else {})
        if account["role"] != "service":
            password = self.services.password_of(username)
            expect(201, await administrator.post("/v1/accounts", body | {"password": password}))
            return
        expect(201, await administrator.post("/v1/accounts", body | {"scopes": ["tasks:read", "tasks:act"]}))
        secret = expect(200, await administrator.post(f"/v1/accounts/{username}/secret"))["secret"]
        proof = {"grant_type": "client_credentials", "client_id": username, "client_secret": secret}
        self._add_caller(username, proof)

    async def wait_until_idle(self) -> None:
        """Wait until every service has handled everything that has happened, so that no notification can follow."""
        await self.services.wait_until_idle()

    async def start(self, *names: str) -> float:
        """Start services or replicas at the same time. Return after how many seconds they were ready."""
        began = perf_counter()
        await asyncio.gather(*map(self.services.start, names))
        return perf_counter() - began

    def collection(self, service: str, name: str) -> AsyncCollection[dict[str, Any]]:
        """Return a collection of a service, as the administrator of MongoDB sees it."""
        return self.servers.administration[self.services.databases[service]][name]

    async def has_record(self, service: str, collection: str, query: Mapping[str, Any]) -> bool:
        return await self.collection(service, collection).find_one(query, {"_id": 1}) is not None

    async def queue_of(self, service: str) -> QueueCount:
        """Return how many messages are ready and unacknowledged in the queue of a service."""
        queues = await self.servers.queues(self.services.vhost)
        return next(queue for queue in queues if queue.name == events_queue(service))

    async def restore_broker(self, service: str) -> None:
        """Let a service reach the broker again. What its proxy held back is lost."""
        await self.broker_proxies[service].cut()
        await self.broker_proxies[service].restore()


@asynccontextmanager
async def running_stack(
    servers: Servers,
    folder: Path,
    settings: Mapping[str, str] = QUICK,
    *,
    begins: str | None = MONDAY,
    accounts: bool = True,
    broker_proxies: Mapping[str, TcpProxy] | None = None,
) -> AsyncIterator[RunningStack]:
    """Run the services until the block ends. Logs and the clock file are in `folder`.

    The services' clock begins at the local time `begins`, or is the true one without it. Without `accounts`, only the
    administrator is there.
    """
    ports = {service: proxy.port for service, proxy in (broker_proxies or {}).items()}
    async with (
        running_services(servers, folder, settings=settings, broker_ports=ports) as services,
        clients_of(services, begins, accounts=accounts, broker_proxies=broker_proxies) as stack,
    ):
        yield stack


@asynccontextmanager
async def clients_of(
    services: ServiceProcesses,
    begins: str | None = MONDAY,
    *,
    accounts: bool = True,
    broker_proxies: Mapping[str, TcpProxy] | None = None,
) -> AsyncIterator[RunningStack]:
    """Use services that run already, as `running_stack` does with those it runs."""
    # The client closes an idle connection before the service does. If the service closed it while a request was on
    # its way, the client could not know whether the request was handled.
    limits = httpx2.Limits(max_connections=200, keepalive_expiry=2)
    async with httpx2.AsyncClient(trust_env=False, timeout=30, limits=limits) as http:
        stack = RunningStack(services, http, broker_proxies or {})
        if begins is not None:
            stack.set_time(begins)
        if accounts:
            await stack.create_accounts()
        yield stack
