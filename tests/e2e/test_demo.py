"""The demo loads into running services, as `make run` does it the first time, or the second when it was interrupted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from deploy.demo.agencies import NAMES
from deploy.demo.load import load
from deploy.demo.people import CHAIR, FINANCE_PROGRAM
from deploy.demo.tasks import TASKS
from deploy.local.services import ServiceProcesses
from deploy.local.stack import DemoAccount
from shared.messaging.topology import dead_queue
from shared.office.vocabulary import Role, Stage, Timeliness
from tests.conftest import RunStack
from tests.support.messaging import wait_until


@dataclass(frozen=True)
class Demo:
    """A stack with the demo in it."""

    stack: ServiceProcesses
    accounts: Sequence[DemoAccount]
    http: httpx2.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    async def get(self, service: str, path: str, username: str) -> Any:
        headers = {"Authorization": f"Bearer {await self._token(username)}"}
        answer = await self.http.get(self.stack.urls[service] + path, headers=headers)
        return answer.raise_for_status().json()

    async def tasks(self) -> list[dict[str, Any]]:
        return list((await self.get("assignment", "/v1/tasks?limit=200", CHAIR))["items"])

    async def history(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        return list((await self.get("assignment", f"/v1/tasks/{task['id']}/history?limit=200", CHAIR))["items"])

    async def _token(self, username: str) -> str:
        if username in self.tokens:
            return self.tokens[username]
        account = next(account for account in self.accounts if account.username == username)
        form = {"grant_type": "password", "username": username, "password": account.password}
        if account.role == Role.SERVICE:
            form = {"grant_type": "client_credentials", "client_id": username, "client_secret": account.password}
        answer = await self.http.post(self.stack.urls["assignment"] + "/v1/auth/token", data=form)
        self.tokens[username] = answer.raise_for_status().json()["access_token"]
        return self.tokens[username]


@pytest.fixture(scope="module")
async def demo(run_stack: RunStack) -> AsyncIterator[Demo]:
    async with run_stack(begins=None, accounts=False) as stack:
        await _load_and_interrupt(stack.services)
        accounts = await load(stack.services, "full")
        yield Demo(stack.services, accounts, stack.http)


async def _load_and_interrupt(services: ServiceProcesses) -> None:
    given = services.servers.administration[services.databases["assignment"]]["tasks"]
    loading = asyncio.create_task(load(services, "full"))

    async def some_tasks_are_given() -> bool:
        return loading.done() or await given.count_documents({}) > 0

    await wait_until(some_tasks_are_given, "the first tasks of the demo are given", within=60)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading


async def test_every_task_is_there_once_though_loading_was_interrupted(demo: Demo) -> None:
    found = Counter((task["title"], task["assigned_at"][:10]) for task in await demo.tasks())
    assert len(found) == found.total() == len(TASKS)


async def test_tasks_stand_in_every_stage_and_every_timeliness(demo: Demo) -> None:
    tasks = await demo.tasks()
    assert {task["stage"] for task in tasks} == set(Stage)
    assert {task["timeliness"] for task in tasks} == set(Timeliness)


async def test_the_summary_counts_what_the_list_shows(demo: Demo) -> None:
    timeliness = Counter(task["timeliness"] for task in await demo.tasks())
    total = (await demo.get("reporting", "/v1/summary", CHAIR))["total"]
    assert {value: total[value] for value in Timeliness} == timeliness
    assert total["finished_unreported"] > 0
    assert total["explanations_overdue"] > 0


async def test_leaders_heads_clerks_and_officers_find_something_in_their_inboxes(demo: Demo) -> None:
    for username in (CHAIR, "thutruong.stc", "vanthu.stc", "chuyenvien.stc"):
        assert (await demo.get("notification", "/v1/inbox", username))["items"], username


async def test_each_miss_was_recorded_on_the_first_morning_after_it(demo: Demo) -> None:
    tasks = await demo.tasks()
    mornings = sorted({task[moment][:10] for task in tasks for moment in ("assigned_at", "updated_at")})
    # Those of the first two mornings may have been given by the try that was interrupted.
    histories = [await demo.history(task) for task in tasks if task["assigned_at"][:10] > mornings[1]]
    misses = [entry for history in histories for entry in history if entry["act"] == "explanation_required"]
    assert len(misses) > 5
    for miss in misses:
        between = [day for day in mornings if miss["details"]["missed_at"] < f"{day}T02" < miss["at"][:13]]
        assert between == [], miss


async def test_every_account_can_sign_in(demo: Demo) -> None:
    assert {account.role for account in demo.accounts} == set(Role) - {Role.ADMINISTRATOR}
    for role in {account.role for account in demo.accounts}:
        username = next(account.username for account in demo.accounts if account.role == role)
        assert (await demo.get("assignment", "/v1/me", username))["role"] == role
    assert (await demo.get("assignment", "/v1/tasks", FINANCE_PROGRAM))["items"]


async def test_all_agencies_of_the_province_are_known(demo: Demo) -> None:
    communes = (await demo.get("assignment", "/v1/agencies?kind=commune&limit=200", CHAIR))["items"]
    assert len(communes) == 102
    assert all(NAMES[commune["code"]] == commune["name"] for commune in communes)


async def test_the_true_time_holds_again_and_nothing_was_left_behind(demo: Demo) -> None:
    assert not demo.stack.clock.path.exists()
    dead = {dead_queue(service) for service in demo.stack.databases}
    left = [queue for queue in await demo.stack.servers.queues(demo.stack.vhost) if queue.name in dead and queue.ready]
    assert left == []
