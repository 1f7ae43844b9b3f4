"""The web pages as a client of a running stack: they keep the session of one person."""

from __future__ import annotations

import httpx2

from tests.support.running_stack import RunningStack, expect


class Web:
    """A first-party client that signs one person in. `at` is a service by its name, or a replica by its address."""

    def __init__(self, stack: RunningStack, username: str) -> None:
        self._stack = stack
        self._username = username
        self._client = {"client_id": "web", "client_secret": stack.services.credentials.web_client_secret}
        self.refresh_token = ""
        self.access_token = ""

    async def sign_in(self) -> None:
        password = self._stack.services.password_of(self._username)
        form = {"grant_type": "password", "username": self._username, "password": password}
        said = expect(200, await self.post_form("/v1/auth/token", form))
        self.refresh_token, self.access_token = said["refresh_token"], said["access_token"]

    async def refresh(self, at: str = "assignment") -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        return await self.post_form("/v1/auth/token", form, at)

    async def revoke(self, at: str = "assignment") -> httpx2.Response:
        return await self.post_form("/v1/auth/revoke", {"token": self.refresh_token}, at)

    async def post_form(self, path: str, form: dict[str, str], at: str = "assignment") -> httpx2.Response:
        """Send a form as the client that the pages are."""
        return await self._stack.http.post(self._address(at) + path, data=form | self._client)

    async def get(self, path: str, at: str = "assignment", *, token: str = "") -> httpx2.Response:
        """Ask with the person's token, or with another one."""
        headers = {"Authorization": f"Bearer {token or self.access_token}"}
        return await self._stack.http.get(self._address(at) + path, headers=headers)

    def _address(self, at: str) -> str:
        return self._stack.services.urls.get(at, at)
