"""A province as its people use it: four services as processes, everyone signed in, and the clock in the test's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx2

from deploy.local.services import ServiceProcesses

HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
ADMINISTRATOR: Final = "quantri"
QUICK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ASSIGNMENT_PASSWORD_MEMORY_KIB": "8",
        "ASSIGNMENT_PASSWORD_PASSES": "1",
        "DEADLINE_POLL_INTERVAL": "0.1",
        "REPORTING_FIGURES_KEEP_SECONDS": "0",
        **{f"{service}_RETRY_DELAYS": "0.2,0.5,1,2" for service in ("ASSIGNMENT", "DEADLINE", "NOTIFICATION")},
        "REPORTING_RETRY_DELAYS": "0.2,0.5,1,2",
    }
)
"""Settings under which signing in is cheap and nothing waits long."""

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


def local(text: str) -> datetime:
    """Return the moment of a local time, `2026-10-16T23:59:59.999`."""
    return datetime.fromisoformat(text).replace(tzinfo=HANOI).astimezone(UTC)


def expect(status: int, answer: httpx2.Response) -> dict[str, Any]:
    """Return what an answer says, having the status that was expected."""
    asked = f"{answer.request.method} {answer.request.url}"
    assert answer.status_code == status, f"{asked}: {answer.status_code} instead of {status}: {answer.text}"
    return dict(answer.json())


@dataclass
class Caller:
    """Someone who signs in when first heard of; a test is over long before a token ends."""

    http: httpx2.AsyncClient
    urls: Mapping[str, str]
    proof: Mapping[str, str]
    headers: Mapping[str, str] | None = None

    async def get(self, path: str, *, at: str = "assignment", **query: Any) -> httpx2.Response:
        """Ask a service by its name, or a replica by its address."""
        return await self.http.get(self.urls.get(at, at) + path, headers=await self._signed_in(), params=query)

    async def post(self, path: str, body: Any = None, *, at: str = "assignment", **headers: str) -> httpx2.Response:
        """Send a body to a service by its name, or to a replica by its address; `If_Match` is a header."""
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
class Province:
    """The stack and its people."""

    stack: ServiceProcesses
    http: httpx2.AsyncClient
    callers: dict[str, Caller] = field(default_factory=dict)

    def as_(self, username: str) -> Caller:
        if username not in self.callers:
            password = self.stack.password_of(username)
            self._know(username, {"grant_type": "password", "username": username, "password": password})
        return self.callers[username]

    def _know(self, username: str, proof: Mapping[str, str]) -> None:
        self.callers[username] = Caller(self.http, self.stack.urls, proof)

    def move_to(self, local_time: str) -> None:
        """Let it be a later local time, `2026-10-05T09:00:00`; it goes on from there."""
        self.stack.set_clock(local(local_time))

    def now(self) -> datetime:
        """Return the moment that it is for all services."""
        return self.stack.now()

    async def furnish(self) -> None:
        """Make the agencies and the accounts, as the administrator, and let every service hear of them."""
        administrator = self.as_(ADMINISTRATOR)
        for code, (name, kind) in AGENCIES.items():
            expect(201, await administrator.post("/v1/agencies", {"code": code, "name": name, "kind": kind}))
        for username, (role, agency) in PEOPLE.items():
            await self._add(administrator, {"username": username, "display_name": username, "role": role}, agency)
        await self.stack.barrier()

    async def _add(self, administrator: Caller, account: dict[str, Any], agency: str | None) -> None:
        username = account["username"]
        body = account | ({"agency": agency} if agency else {})
        if account["role"] != "service":
            expect(201, await administrator.post("/v1/accounts", body | {"password": self.stack.password_of(username)}))
            return
        expect(201, await administrator.post("/v1/accounts", body | {"scopes": ["tasks:read", "tasks:act"]}))
        secret = expect(200, await administrator.post(f"/v1/accounts/{username}/secret"))["secret"]
        self._know(username, {"grant_type": "client_credentials", "client_id": username, "client_secret": secret})

    async def wait_until_idle(self) -> None:
        """Wait until nobody will be told any more of what time and people have brought, and no copy is old."""
        await self.stack.wait_until_idle()


@asynccontextmanager
async def province_on(stack: ServiceProcesses, begins: str) -> AsyncIterator[Province]:
    """Drive a stack from a local time on, with agencies and people in place."""
    # A connection is given up before the service does: of what is sent as it closes, nobody knows whether it was heard.
    limits = httpx2.Limits(max_connections=200, keepalive_expiry=2)
    async with httpx2.AsyncClient(trust_env=False, timeout=30, limits=limits) as http:
        province = Province(stack, http)
        province.move_to(begins)
        await province.furnish()
        yield province
