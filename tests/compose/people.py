"""The people of a small province, who use it through the gateway, and what all services should agree on in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import httpx2

from tests.support.messaging import wait_until
from tests.support.running_stack import Caller, expect
from tests.support.send_together import PostRequest, send_together

ADMINISTRATOR: Final = "quantri"
PASSWORD: Final = "mật khẩu dài và khó đoán"
AGENCIES: Final = MappingProxyType({"vp": "Văn phòng Ủy ban nhân dân tỉnh", "stc": "Sở Tài chính"})
PEOPLE: Final = MappingProxyType(
    {
        "chair": ("leader", None),
        "coordinator": ("coordinator", "vp"),
        "head-stc": ("head", "stc"),
        "clerk-stc": ("clerk", "stc"),
        "officer-stc": ("officer", "stc"),
    }
)
_AWAY: Final = frozenset({502, 503, 504})
_PATIENCE_SECONDS: Final = 150.0


@dataclass
class People:
    """Everyone, signed in when first heard of, and the tasks that assignment has acknowledged: id to version."""

    urls: Mapping[str, str]
    http: httpx2.AsyncClient
    tasks: dict[str, int]
    callers: dict[str, Caller] = field(default_factory=dict)

    def as_(self, username: str) -> Caller:
        if username not in self.callers:
            proof = {"grant_type": "password", "username": username, "password": PASSWORD}
            self.callers[username] = Caller(self.http, self.urls, proof)
        return self.callers[username]

    async def furnish(self) -> None:
        """Make the agencies and the accounts, as the administrator."""
        administrator = self.as_(ADMINISTRATOR)
        for code, name in AGENCIES.items():
            body = {"code": code, "name": name, "kind": "office" if code == "vp" else "department"}
            expect(201, await administrator.post("/v1/agencies", body))
        for username, (role, agency) in PEOPLE.items():
            body = {"username": username, "display_name": username, "role": role, "password": PASSWORD}
            expect(201, await administrator.post("/v1/accounts", body | ({"agency": agency} if agency else {})))

    async def assign(self, title: str) -> str:
        """Assign a task to the Department of Finance, again with the same key for as long as nobody answers."""
        caller = self.as_("chair")
        body = {"title": title, "lead_agency": "stc", "deadline": in_days(30)}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (answer := await _answered(caller, body, key=title)) is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
        # 200 to whom an answer was lost: the task is there already.
        task_id = str(expect(200 if answer.status_code == httpx2.codes.OK else 201, answer)["id"])
        self.tasks[task_id] = 1
        return task_id

    async def act(self, username: str, task_id: str, act: str, **body: Any) -> dict[str, Any]:
        """Let someone do something, and return the task after it."""
        task = expect(200, await self.as_(username).post(f"/v1/tasks/{task_id}/{act}", body))
        self.tasks[task_id] = task["version"]
        return task

    async def act_at_once(
        self, username: str, task_id: str, act: str, bodies: Sequence[Mapping[str, Any]], **headers: str
    ) -> list[httpx2.Response]:
        """Let someone do an act many times at the same moment, each time with its own connection and body."""
        signed = {**await self.as_(username)._signed_in(), **headers}
        path = f"/v1/tasks/{task_id}/{act}"
        answers = await send_together([PostRequest(self.urls["assignment"], path, body, signed) for body in bodies])
        self.tasks[task_id] = (await self.read(task_id))["version"]
        return answers

    async def read(self, task_id: str) -> dict[str, Any]:
        return dict(expect(200, await self.as_("chair").get(f"/v1/tasks/{task_id}")))

    async def history(self, task_id: str) -> list[dict[str, Any]]:
        answer = await self.as_("chair").get(f"/v1/tasks/{task_id}/history", limit=200)
        return list(expect(200, answer)["items"])

    async def agree(self) -> None:
        """Wait until every service knows every acknowledged task at its version, and nobody was told of one twice."""
        await wait_until(self._all_is_told, "everyone is told", _PATIENCE_SECONDS)
        await wait_until(self._all_is_counted, "every task is counted", _PATIENCE_SECONDS)
        for task_id, version in self.tasks.items():
            await wait_until(partial(self._is_watched, task_id, version), f"{task_id} is watched", _PATIENCE_SECONDS)
            await self._hold_history(task_id, version)
        told = await self.told("head-stc")
        assert {told[task_id, "task.assigned"] for task_id in self.tasks} == {1}
        assert set(told.values()) == {1}

    async def told(self, username: str) -> Counter[tuple[str, str]]:
        """Count what someone was told, `(task, kind)`."""
        found: Counter[tuple[str, str]] = Counter()
        query: dict[str, Any] = {}
        while True:
            page = await self.as_(username).inbox(**query)
            found.update((entry["task_id"], entry["kind"]) for entry in page["items"])
            if page["next_cursor"] is None:
                return found
            query = {"cursor": page["next_cursor"]}

    async def _all_is_told(self) -> bool:
        told = await self.told("head-stc")
        return all((task_id, "task.assigned") in told for task_id in self.tasks)

    async def _all_is_counted(self) -> bool:
        total = (await self.as_("chair").summary())["total"]["total"]
        assert total <= len(self.tasks)
        return bool(total == len(self.tasks))

    async def _is_watched(self, task_id: str, version: int) -> bool:
        answer = await self.as_("chair").get(f"/v1/deadlines/{task_id}", at="deadline")
        return answer.status_code == httpx2.codes.OK and answer.json()["sequence"] == version

    async def _hold_history(self, task_id: str, version: int) -> None:
        sequences = [entry["sequence"] for entry in await self.history(task_id)]
        assert sequences == list(range(1, version + 1))


async def _answered(caller: Caller, body: Mapping[str, Any], key: str) -> httpx2.Response | None:
    """Return an answer that settles it, or nothing when it is not certain what has become of the request."""
    try:
        headers = {**await caller._signed_in(), "Idempotency-Key": str(uuid5(NAMESPACE_OID, key))}
        answer = await caller.http.post(f"{caller.urls['assignment']}/v1/tasks", json=body, headers=headers)
    except httpx2.TransportError:
        return None
    return None if answer.status_code in _AWAY else answer


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


@asynccontextmanager
async def people_of(urls: Mapping[str, str], tasks: dict[str, int]) -> AsyncIterator[People]:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        yield People(urls, http, tasks)
