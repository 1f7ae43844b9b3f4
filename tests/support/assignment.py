"""assignment in this process for tests of tasks: agencies, accounts of every role, a body and a doer of every act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import httpx2

from deploy.local.servers import Servers
from services.assignment.directory.rules.account import Account
from services.assignment.tasks.rules.state import Task
from services.assignment.tasks.store.records import to_task
from shared.office.vocabulary import Role
from tests.support.clock import MONDAY, FakeClock, local
from tests.support.directory import KEYS, PASSWORD, AssignmentService, running_assignment

DEADLINE: Final = "2026-10-16"
"""The deadline of a task that a test does not choose: the Friday of the next week."""
DUE_AT: Final = "2026-10-16T23:59:59.999"
LATER_DEADLINE: Final = "2026-10-30"

AGENCIES: Final = ("lead", "coordinating", "monitor", "stranger", "office")
ACCOUNTS: Final[Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        "leader": ("leader", None),
        "other-leader": ("leader", None),
        "coordinator": ("coordinator", "office"),
        "auditor": ("auditor", None),
        "lead-head": ("head", "lead"),
        "lead-clerk": ("clerk", "lead"),
        "officer": ("officer", "lead"),
        "idle-officer": ("officer", "lead"),
        "coordinating-head": ("head", "coordinating"),
        "coordinating-clerk": ("clerk", "coordinating"),
        "monitor-head": ("head", "monitor"),
        "monitor-clerk": ("clerk", "monitor"),
        "stranger-head": ("head", "stranger"),
        "stranger-officer": ("officer", "stranger"),
    }
)
PROGRAMS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "lead-program": ("lead", ("tasks:read", "tasks:act")),
        "reading-program": ("lead", ("tasks:read",)),
        "coordinating-program": ("coordinating", ("tasks:read", "tasks:act")),
        "monitor-program": ("monitor", ("tasks:read", "tasks:act")),
    }
)
EVERYBODY: Final = ("administrator", *ACCOUNTS, *PROGRAMS)

BODIES: Final[Mapping[str, dict[str, Any]]] = MappingProxyType(
    {
        "receipt": {},
        "refusal": {"reason": "Không thuộc thẩm quyền"},
        "reassignment": {"lead_agency": "stranger", "reason": "Đúng chức năng hơn"},
        "correction": {"reason": "Ghi nhầm", "priority": "urgent"},
        "deadline": {"deadline": LATER_DEADLINE, "reason": "Bổ sung thời hạn"},
        "delegation": {"officer": "officer", "instruction": "Tham mưu báo cáo"},
        "progress": {"percent": 40},
        "contribution": {"note": "Đã gửi số liệu"},
        "extension": {"new_deadline": LATER_DEADLINE, "reason": "Chờ số liệu"},
        "extension/decision": {"approved": True},
        "report": {"summary": "Đã hoàn thành"},
        "report/decision": {"accepted": True},
        "explanation": {"cause": "workload", "narrative": "Nhiều việc", "remedy": "Bố trí thêm người"},
        "explanation/decision": {"accepted": True},
        "recall": {"reason": "Không còn cần"},
        "urging": {"message": "Đề nghị khẩn trương"},
    }
)
"""A valid body for each act."""

DOERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("receipt", "refusal", "delegation", "extension", "report", "explanation"), "lead-head"),
        **dict.fromkeys(("reassignment", "correction", "deadline", "recall", "urging"), "leader"),
        **dict.fromkeys(("extension/decision", "report/decision", "explanation/decision"), "leader"),
        "progress": "officer",
        "contribution": "coordinating-head",
    }
)
"""An account that may do each act."""


def moment(text: str | None) -> datetime | None:
    """Return the moment that an answer names."""
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True)
class TaskService(AssignmentService):
    """assignment with a clock that the test sets, and methods to give tasks, to do acts and to read tasks."""

    clock: FakeClock

    def as_(self, username: str) -> dict[str, str]:
        """Return the headers of an account. Its role comes from the directory, not from the token."""
        return _headers_of(username)

    async def get(self, path: str, by: str = "leader", **query: Any) -> httpx2.Response:
        return await self.http.get(path, headers=self.as_(by), params=query)

    async def post(self, path: str, body: Any, by: str = "leader", **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, json=body, headers=self.as_(by) | named)

    async def try_act(
        self, task_id: str, act: str, by: str | None = None, body: dict[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        """Send an act and return the answer. Without `by` and `body`, they come from `DOERS` and `BODIES`."""
        content = BODIES[act] if body is None else body
        return await self.post(f"/v1/tasks/{task_id}/{act}", content, by or DOERS[act], **headers)

    async def act(
        self, task_id: str, act: str, by: str | None = None, body: dict[str, Any] | None = None, **headers: str
    ) -> dict[str, Any]:
        """Do an act and return the task."""
        answer = await self.try_act(task_id, act, by, body, **headers)
        assert answer.status_code == httpx2.codes.OK, (act, answer.text)
        return dict(answer.json())

    async def acts(self, task_id: str, *acts: str) -> dict[str, Any]:
        """Do acts one after the other and return the task."""
        for act in acts:
            await self.act(task_id, act)
        return await self.read(task_id)

    async def assign(self, by: str = "leader", **changes: Any) -> dict[str, Any]:
        """Assign a task due on `DEADLINE` and return it. `None` leaves a field of the body out."""
        answer = await self.post("/v1/tasks", task_body(**changes), by)
        assert answer.status_code == httpx2.codes.CREATED, answer.text
        return dict(answer.json())

    async def assigned(self, **changes: Any) -> str:
        """Assign a task and return its id."""
        return str((await self.assign(**changes))["id"])

    async def read(self, task_id: str, by: str = "leader") -> dict[str, Any]:
        answer = await self.get(f"/v1/tasks/{task_id}", by)
        assert answer.status_code == httpx2.codes.OK, answer.text
        return dict(answer.json())

    async def task(self, task_id: str) -> Task:
        """Return a task as the rules have it."""
        return to_task(await self.stored_task(task_id))

    async def history(self, task_id: str, by: str = "leader") -> list[dict[str, Any]]:
        answer = await self.get(f"/v1/tasks/{task_id}/history", by, limit=200)
        assert answer.status_code == httpx2.codes.OK, answer.text
        return list(answer.json()["items"])

    async def add_officer(self, username: str, agency: str = "lead") -> None:
        person = {"username": username, "display_name": username, "role": "officer", "password": PASSWORD}
        answer = await self.post("/v1/accounts", person | {"agency": agency}, "administrator")
        assert answer.status_code == httpx2.codes.CREATED, answer.text

    async def change_account(self, username: str, **changes: Any) -> None:
        answer = await self.http.patch(f"/v1/accounts/{username}", json=changes, headers=self.as_("administrator"))
        assert answer.status_code == httpx2.codes.OK, answer.text

    async def stored_task(self, task_id: str) -> dict[str, Any]:
        """Return the record of a task without its outbox, which the relay empties."""
        found = await self.database["tasks"].find_one({"_id": task_id}, {"outbox": 0, "pending_since": 0})
        assert found is not None
        return found


@cache
def _headers_of(username: str) -> dict[str, str]:
    """Sign one token for the whole run: signing and verifying cost more than the rest of a request."""
    return {"Authorization": f"Bearer {KEYS.token_for(username, Role.AUDITOR, lifetime=timedelta(hours=6))}"}


def task_body(**changes: Any) -> dict[str, Any]:
    body = {
        "title": "Báo cáo tình hình giải ngân",
        "lead_agency": "lead",
        "coordinating_agencies": ["coordinating"],
        "monitor": "monitor",
        "deadline": DEADLINE,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    """Return the status and code of a problem, `(409, "wrong-stage")`."""
    return answer.status_code, answer.json().get("code", "")


def fields_of(answer: httpx2.Response) -> list[tuple[str, str]]:
    """Return the fields that a problem names and what is wrong with them."""
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


@asynccontextmanager
async def running_tasks(servers: Servers) -> AsyncIterator[TaskService]:
    """Run assignment with `AGENCIES`, `ACCOUNTS` and `PROGRAMS` until the block ends."""
    clock = FakeClock(local(MONDAY))
    administrator = Account("administrator", "Quản trị hệ thống", Role.ADMINISTRATOR)
    async with running_assignment(servers, [administrator], clock=clock) as running:
        service = TaskService(**vars(running), clock=clock)
        await _fill_directory(service)
        yield service


async def _fill_directory(service: TaskService) -> None:
    for code in AGENCIES:
        await _create(service, "/v1/agencies", {"code": code, "name": f"Cơ quan {code}", "kind": "department"})
    for username, (role, agency) in ACCOUNTS.items():
        person = {"username": username, "display_name": username, "role": role, "password": PASSWORD}
        await _create(service, "/v1/accounts", person | ({"agency": agency} if agency else {}))
    for username, (agency, scopes) in PROGRAMS.items():
        program = {"username": username, "display_name": username, "role": "service", "agency": agency}
        await _create(service, "/v1/accounts", program | {"scopes": list(scopes)})


async def _create(service: TaskService, path: str, body: dict[str, Any]) -> None:
    answer = await service.post(path, body, "administrator")
    assert answer.status_code == httpx2.codes.CREATED, answer.text
