"""The HTTP API of assignment as the people of the demo use it: each signs in once."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx2

from deploy.local.failure import LocalStackError
from deploy.local.stack import DemoAccount

_RENEWED_BEFORE_SECONDS: Final = 60
_TIMEOUT_SECONDS: Final = 60


class RefusedError(LocalStackError):
    """The service refused a request."""

    def __init__(self, what: str, answer: httpx2.Response) -> None:
        super().__init__(f"{what}: {answer.status_code} {answer.text[:500]}")
        self.code = answer.json().get("code") if answer.is_client_error else None


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float


class Api:
    """Sends requests in the name of the accounts that it knows."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._accounts: dict[str, DemoAccount] = {}
        self._tokens: dict[str, _Token] = {}
        self._signing_in: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    def at(cls, url: str) -> "Api":
        return cls(httpx2.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False))

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    def know(self, account: DemoAccount) -> None:
        self._accounts[account.username] = account

    async def post(self, path: str, body: Mapping[str, Any], *, by: str, key: str | None = None) -> dict[str, Any]:
        """Send a request in the name of `by`. With a `key`, a request that is repeated has its effect only once.

        Raises:
            RefusedError: the service refused the request.

        """
        headers = await self._signed_in(by)
        headers |= {"Idempotency-Key": key} if key else {}
        return _answered(f"POST {path} by {by}", await self._http.post(path, json=body, headers=headers))

    async def get(self, path: str, *, by: str) -> dict[str, Any]:
        return _answered(f"GET {path} by {by}", await self._http.get(path, headers=await self._signed_in(by)))

    async def _signed_in(self, username: str) -> dict[str, str]:
        async with self._signing_in[username]:
            token = self._tokens.get(username)
            if token is None or token.until < time.monotonic():
                token = self._tokens[username] = await self._sign_in(self._accounts[username])
        return {"Authorization": f"Bearer {token.text}"}

    async def _sign_in(self, account: DemoAccount) -> _Token:
        answer = await self._http.post("/v1/auth/token", data=_proof(account))
        token = _answered(f"signing {account.username} in", answer)
        return _Token(token["access_token"], time.monotonic() + token["expires_in"] - _RENEWED_BEFORE_SECONDS)


def _proof(account: DemoAccount) -> dict[str, str]:
    if account.role == "service":
        names = ("client_credentials", "client_id", "client_secret")
    else:
        names = ("password", "username", "password")
    grant, username, password = names
    return {"grant_type": grant, username: account.username, password: account.password}


def _answered(what: str, answer: httpx2.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise RefusedError(what, answer)
    body: dict[str, Any] = answer.json()
    return body
