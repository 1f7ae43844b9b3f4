"""A client that reads all tasks, agencies and accounts of assignment over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import httpx2
from pydantic import BaseModel, SecretStr

from shared.background import growing_waits
from shared.commands.command import UnavailableError
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.task import HistoryEntry, Task
from shared.office.access import SIGHT, Sight
from shared.office.vocabulary import Role

_Model = TypeVar("_Model", bound=BaseModel)
_PATIENCE_SECONDS: Final = 30.0
_TRIES: Final = 5
"""How often one request is tried, over about three seconds, while assignment starts or answers that it is busy."""
_BUSY: Final = frozenset({httpx2.codes.TOO_MANY_REQUESTS, httpx2.codes.SERVICE_UNAVAILABLE})
_PAGE: Final = 200


class Agency(AgencyChanged):
    """The current state of an agency; its version is the sequence of its last event."""

    version: int


class Account(AccountChanged):
    """The current state of an account; its version is the sequence of its last event."""

    version: int


class Credentials(Protocol):
    """Where the client gets its tokens from."""

    async def token(self, http: httpx2.AsyncClient) -> str:
        """Return a token; it is called again when the last token has expired."""
        ...


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file with a token, which may be replaced while the command runs."""

    path: Path

    async def token(self, _http: httpx2.AsyncClient) -> str:
        try:
            text = await asyncio.to_thread(self.path.read_text, encoding="ascii")
        except (OSError, ValueError):
            raise UnavailableError(f"no token can be read from {self.path}") from None
        return text.strip()


@dataclass(frozen=True, slots=True)
class SignIn:
    """An account that signs in again when its token has expired."""

    username: str
    password: SecretStr

    async def token(self, http: httpx2.AsyncClient) -> str:
        proof = {"grant_type": "password", "username": self.username, "password": self.password.get_secret_value()}
        answer = await http.post("/v1/auth/token", data=proof)
        if answer.status_code != httpx2.codes.OK:
            raise UnavailableError(f"assignment does not let {self.username} in: HTTP {answer.status_code}")
        return str(answer.json()["access_token"])


class Assignment:
    """Reads from assignment.

    Each method raises `UnavailableError` with a reason in one line when it gets no usable answer.
    """

    def __init__(self, http: httpx2.AsyncClient, credentials: Credentials) -> None:
        self._http = http
        self._credentials = credentials
        self._token = ""
        self._renewing = asyncio.Lock()

    async def require_sight_of_all(self) -> None:
        """Refuse an account that does not see every task; the tasks it does not see would look missing."""
        me = await self._get("/v1/me")
        if me is None or SIGHT[Role(me["role"])] is not Sight.EVERY:
            raise UnavailableError("the account must see every task, as an auditor's does")

    async def task_ids(self) -> AsyncIterator[list[str]]:
        """Yield the ids of all tasks, page by page, newest first; tasks assigned meanwhile may be missing."""
        async for page in self._pages("/v1/tasks"):
            yield [task["id"] for task in page]

    async def task(self, task_id: str) -> Task | None:
        found = await self._get(f"/v1/tasks/{task_id}")
        return None if found is None else Task.model_validate(found)

    async def history(self, task_id: str) -> list[HistoryEntry]:
        """Return the history of a task, oldest entry first; empty if there is no such task."""
        return [
            HistoryEntry.model_validate(act)
            async for page in self._pages(f"/v1/tasks/{task_id}/history")
            for act in page
        ]

    async def agencies(self) -> list[Agency]:
        return await self._all("/v1/agencies", Agency)

    async def accounts(self) -> list[Account]:
        return await self._all("/v1/accounts", Account)

    async def _all(self, path: str, kind: type[_Model]) -> list[_Model]:
        return [kind.model_validate(item) async for page in self._pages(path) for item in page]

    async def _pages(self, path: str) -> AsyncIterator[list[dict[str, Any]]]:
        cursor: dict[str, str] = {}
        while (page := await self._get(path, limit=_PAGE, **cursor)) is not None:
            yield page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    async def _get(self, path: str, **query: Any) -> dict[str, Any] | None:
        """Return the JSON object at a path, or None if assignment answers 404."""
        waits = growing_waits()
        for _ in range(_TRIES):
            answer = await self._ask(path, query)
            if answer is None or answer.status_code in _BUSY:
                await asyncio.sleep(next(waits))
            elif answer.status_code == httpx2.codes.NOT_FOUND:
                return None
            elif answer.status_code == httpx2.codes.OK:
                return dict(answer.json())
            else:
                raise UnavailableError(f"assignment answers {path} with HTTP {answer.status_code}")
        raise UnavailableError(f"assignment does not answer at {self._http.base_url}")

    async def _ask(self, path: str, query: dict[str, Any]) -> httpx2.Response | None:
        """Send one request, with a new token if the old one has expired; None if assignment cannot be reached."""
        try:
            token = self._token or await self._renew("")
            answer = await self._send(path, query, token)
            if answer.status_code == httpx2.codes.UNAUTHORIZED:
                answer = await self._send(path, query, await self._renew(token))
        except httpx2.TransportError:
            return None
        return answer

    async def _send(self, path: str, query: dict[str, Any], token: str) -> httpx2.Response:
        return await self._http.get(path, params=query, headers={"Authorization": f"Bearer {token}"})

    async def _renew(self, expired: str) -> str:
        """Return a token other than the expired one; of several callers at the same time only one signs in."""
        async with self._renewing:
            if self._token == expired:
                self._token = await self._credentials.token(self._http)
            return self._token


@asynccontextmanager
async def reading(url: str, credentials: Credentials) -> AsyncIterator[Assignment]:
    """Open a client for assignment at `url`, and check that its account sees every task."""
    # Without the proxies of the environment: none of them may see a token.
    async with httpx2.AsyncClient(base_url=url, timeout=_PATIENCE_SECONDS, trust_env=False) as http:
        assignment = Assignment(http, credentials)
        await assignment.require_sight_of_all()
        yield assignment
