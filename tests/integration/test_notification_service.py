"""The whole service on real servers: events in, the inbox out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from deploy.local.servers import Servers
from services.notification.app import build
from services.notification.settings import NotificationSettings
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.messaging.publisher import Publisher, make_message
from shared.messaging.topology import EXCHANGE, dead_queue
from shared.office.vocabulary import Role, Scope, Stage
from shared.settings import Mode
from tests.support.clock import FakeClock
from tests.support.messaging import ready_in, settled, wait_until
from tests.support.notification_events import (
    ASSIGNED_AT,
    PEOPLE,
    account_told,
    agency_told,
    moment_told,
    task_told,
    the_directory,
)
from tests.support.servers import Database, Vhost
from tests.support.tokens import TestKeys

KEYS = TestKeys()
HEAD, CLERK = "gd-tai-chinh", "vt-tai-chinh"


def headers(username: str, **more: str) -> dict[str, str]:
    role, agency = PEOPLE[username]
    scopes = [Scope.TASKS_READ] if role is Role.SERVICE else []
    return {**KEYS.headers_for(username, role, agency, scopes), **more}


@dataclass
class Office:
    """The service, running, with a way to tell it of events and to read inboxes."""

    http: httpx2.AsyncClient
    clock: FakeClock
    servers: Servers
    vhost: Vhost
    publisher: Publisher

    async def send(self, *events: Event[Any]) -> None:
        for event in events:
            message = make_message(encode(event), event_id=event.id, event_type=event.type, headers={})
            await self.publisher.publish(message, event.type, exchange=EXCHANGE)

    async def tell(self, *events: Event[Any]) -> None:
        """Send events and wait until nothing is on its way."""
        await self.send(*events)
        await settled(self.servers, self.vhost, ["notification"])

    async def inbox(self, username: str, query: str = "", **more: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/inbox{query}", headers=headers(username, **more))
        assert answer.status_code == httpx2.codes.OK, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def mark(self, username: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post("/v1/inbox/read", headers=headers(username), json=body)
        assert answer.status_code == httpx2.codes.OK, answer.text
        marked: dict[str, Any] = answer.json()
        return marked

    async def kinds(self, username: str, query: str = "") -> list[str]:
        return [entry["kind"] for entry in (await self.inbox(username, query))["items"]]


@pytest.fixture
async def office(servers: Servers, database: Database, vhost: Vhost) -> AsyncIterator[Office]:
    settings = NotificationSettings(
        mode=Mode.LOCAL,
        mongodb_uri=database.uri,
        mongodb_database=database.name,
        amqp_url=vhost.amqp_url,
        public_keys=KEYS.public_keys,
        retry_delays=(0.05, 0.2, 60),
    )
    clock = FakeClock(ASSIGNED_AT + timedelta(hours=1))
    app = build(settings, clock=clock)
    publisher = Publisher(vhost.amqp_url, (1,), name="tests")
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://notification") as http,
    ):

        async def is_ready() -> bool:
            return bool((await http.get("/health/ready")).json()["status"] == "ready")

        await wait_until(is_ready, "the service is ready")
        await publisher.open()
        yield Office(http, clock, servers, vhost, publisher)
        await publisher.close()


async def test_an_act_arrives_with_those_concerned(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(task_told("assigned"))
    page = await office.inbox(HEAD)
    [entry] = page["items"]
    assert entry.pop("id")
    assert entry.pop("text").startswith("Ủy ban nhân dân tỉnh giao Sở Tài chính chủ trì thực hiện nhiệm vụ")
    assert entry == {
        "kind": "task.assigned",
        "severity": "action",
        "task_id": "t-1",
        "title": "Nhiệm vụ mới được giao",
        "at": "2026-12-01T02:00:00.000Z",
        "read_at": None,
        "link": "/v1/tasks/t-1",
    }
    assert (page["next_cursor"], page["unread"]) == (None, 1)
    assert await office.kinds("chu-tich") == []


async def test_a_moment_arrives_with_nobody_having_acted(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(moment_told("receipt_overdue"), moment_told("missed"))
    for username in (HEAD, CLERK, "chu-tich", "dieu-phoi"):
        assert await office.kinds(username) == ["deadline.receipt_overdue"]
    assert await office.kinds("cv-tai-chinh") == []


async def test_an_event_that_comes_before_its_agency_waits_for_it(office: Office) -> None:
    known = [event for event in the_directory() if event.subject != "so-tai-chinh"]
    await office.tell(*known)
    await office.send(task_told("corrected"))
    await office.send(agency_told("so-tai-chinh"))

    async def told() -> bool:
        return await office.kinds(HEAD) == ["task.corrected"]

    await wait_until(told, "the head is told after all")
    assert await ready_in(office.vhost.amqp_url, dead_queue("notification")) == 0


async def test_an_event_that_comes_again_is_told_once(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(*[task_told("recalled")] * 5)
    assert await office.kinds(HEAD) == ["task.recalled"]


async def test_the_inbox_comes_in_pages_newest_first(office: Office) -> None:
    await office.tell(*the_directory())
    moments = [ASSIGNED_AT + timedelta(minutes=number) for number in range(5)]
    await office.tell(*[task_told("corrected", at=at, version=2 + number) for number, at in enumerate(moments)])
    await office.tell(task_told("corrected", id="t-2", at=ASSIGNED_AT))
    first = await office.inbox(HEAD, "?limit=2&task_id=t-1")
    second = await office.inbox(HEAD, f"?limit=4&task_id=t-1&cursor={first['next_cursor']}")
    times = [entry["at"] for entry in first["items"] + second["items"]]
    assert times == [f"2026-12-01T02:0{minute}:00.000Z" for minute in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None
    assert first["unread"] == second["unread"] == 6
    assert await office.kinds(HEAD, "?task_id=t-2") == ["task.corrected"]
    assert await office.kinds(HEAD, "?task_id=t-3") == []


async def test_an_entry_is_read_once_and_for_all(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(task_told("corrected"))
    [entry] = (await office.inbox(HEAD))["items"]
    path = f"/v1/inbox/{entry['id']}/read"
    first = await office.http.post(path, headers=headers(HEAD))
    office.clock.moment += timedelta(hours=1)
    again = await office.http.post(path, headers=headers(HEAD))
    assert first.status_code == again.status_code == httpx2.codes.OK
    assert first.json() == again.json() == {**entry, "read_at": "2026-12-01T03:00:00.000Z"}
    page = await office.inbox(HEAD)
    assert (page["items"], page["unread"]) == ([first.json()], 0)


async def test_unread_and_kind_narrow_the_list_together_with_a_task(office: Office) -> None:
    await office.tell(*the_directory())
    later = [ASSIGNED_AT + timedelta(minutes=minute) for minute in range(4)]
    await office.tell(
        task_told("assigned", at=later[0]),
        task_told("corrected", version=2, at=later[1]),
        task_told("corrected", id="t-2", at=later[2]),
        task_told("corrected", id="t-2", version=2, at=later[3]),
    )
    [newest, *_] = (await office.inbox(HEAD))["items"]
    await office.mark(HEAD, {"ids": [newest["id"]]})
    assert await office.kinds(HEAD, "?kind=task.corrected") == ["task.corrected"] * 3
    assert await office.kinds(HEAD, "?kind=task.corrected&task_id=t-1") == ["task.corrected"]
    assert await office.kinds(HEAD, "?kind=task.recalled") == []
    assert await office.kinds(HEAD, "?unread=true") == ["task.corrected", "task.corrected", "task.assigned"]
    assert await office.kinds(HEAD, "?unread=true&kind=task.corrected") == ["task.corrected"] * 2
    assert await office.kinds(HEAD, "?unread=true&task_id=t-2") == ["task.corrected"]
    assert await office.kinds(HEAD, "?unread=true&task_id=t-2&kind=task.assigned") == []
    for query in ("?kind=task.corrected", "?unread=true", "?unread=true&kind=task.corrected"):
        whole = (await office.inbox(HEAD, query))["items"]
        first = await office.inbox(HEAD, f"{query}&limit=1")
        others = await office.inbox(HEAD, f"{query}&cursor={first['next_cursor']}")
        assert first["items"] + others["items"] == whole
        assert first["unread"] == 3


async def test_several_entries_are_read_by_their_ids(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(*[task_told("corrected", version=version) for version in (2, 3, 4)])
    first, second, third = (await office.inbox(HEAD))["items"]
    [of_clerk, *_] = (await office.inbox(CLERK))["items"]
    read = {"ids": [first["id"], second["id"], second["id"], of_clerk["id"], "khong-co"]}
    assert await office.mark(HEAD, read) == {"unread": 1, "complete": True}
    office.clock.moment += timedelta(hours=1)
    assert await office.mark(HEAD, read) == {"unread": 1, "complete": True}
    items = (await office.inbox(HEAD))["items"]
    assert [entry["read_at"] for entry in items] == ["2026-12-01T03:00:00.000Z"] * 2 + [None]
    assert items[2] == third
    assert (await office.inbox(CLERK))["unread"] == 3


async def test_all_entries_until_a_moment_are_read(office: Office) -> None:
    await office.tell(*the_directory())
    moments = [ASSIGNED_AT + timedelta(minutes=minute) for minute in range(4)]
    await office.tell(*[task_told("corrected", at=at, version=2 + number) for number, at in enumerate(moments)])
    assert await office.mark(HEAD, {"until": "2026-12-01T09:01:00+07:00"}) == {"unread": 2, "complete": True}
    times = [entry["at"] for entry in (await office.inbox(HEAD, "?unread=true"))["items"]]
    assert times == ["2026-12-01T02:03:00.000Z", "2026-12-01T02:02:00.000Z"]
    assert await office.mark(HEAD, {"until": "2026-12-02T00:00:00Z"}) == {"unread": 0, "complete": True}
    assert (await office.inbox(CLERK))["unread"] == 4


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"body": "ids-or-until"}),
        ({"ids": ["a"], "until": "2026-12-01T00:00:00Z"}, {"body": "ids-or-until"}),
        ({"ids": None, "until": None}, {"body": "ids-or-until"}),
        ({"ids": []}, {"ids": "too-few"}),
        ({"ids": ["a"] * 201}, {"ids": "too-many"}),
        ({"ids": "a"}, {"ids": "not-a-list"}),
        ({"ids": [{"$gt": ""}]}, {"ids.0": "not-a-text"}),
        ({"until": "hôm nay"}, {"until": "bad-moment"}),
        ({"until": "2026-12-01T00:00:00Z", "kind": "x"}, {"kind": "unknown-field"}),
    ],
)
async def test_a_marking_names_ids_or_a_moment(office: Office, body: Any, fields: dict[str, str]) -> None:
    answer = await office.http.post("/v1/inbox/read", headers=headers(HEAD), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
    assert {error["field"]: error["code"] for error in answer.json()["errors"]} == fields


async def test_a_program_needs_the_scope_to_mark(office: Office) -> None:
    without = KEYS.headers_for("pm", Role.SERVICE, "so-tai-chinh")
    answer = await office.http.post("/v1/inbox/read", headers=without, json={"ids": ["a"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")


async def test_those_from_whom_the_task_was_taken_have_no_link_and_read_all_facts(office: Office) -> None:
    await office.tell(*the_directory(), account_told("cv-y-te", role=Role.OFFICER, agency="so-y-te"))
    details = {"from_agency": "so-y-te", "from_officer": "cv-y-te", "reason": "Đúng thẩm quyền"}
    await office.tell(task_told("reassigned", officer=None, details=details))
    for username in ("gd-y-te", "cv-y-te"):
        answer = await office.http.get("/v1/inbox", headers=KEYS.headers_for(username, Role.HEAD, "so-y-te"))
        [entry] = answer.json()["items"]
        assert (entry["kind"], entry["task_id"], entry["link"]) == ("task.reassigned", "t-1", None)
        assert entry["text"].startswith(
            'Ủy ban nhân dân tỉnh chuyển nhiệm vụ "Rà soát quỹ đất công" (Quyết định số 123/QĐ-UBND-HC) '
            'từ Sở Y tế sang Sở Tài chính chủ trì thực hiện, lý do: "Đúng thẩm quyền". '
        )
    [of_the_lead] = (await office.inbox(HEAD))["items"]
    assert of_the_lead["link"] == "/v1/tasks/t-1"


async def test_a_head_who_appears_is_told_once_how_many_tasks_wait(office: Office) -> None:
    await office.tell(*[event for event in the_directory() if event.subject != HEAD])
    await office.tell(*[task_told("assigned", id=f"t-{number}", stage=Stage.ASSIGNED) for number in range(3)])
    await office.tell(account_told(HEAD), account_told(HEAD))
    [entry] = (await office.inbox(HEAD))["items"]
    assert entry.pop("id")
    assert entry == {
        "kind": "tasks_waiting",
        "severity": "action",
        "task_id": None,
        "title": "Có 03 nhiệm vụ đang chờ tiếp nhận",
        "text": "Có 03 nhiệm vụ giao cơ quan chủ trì đang chờ tiếp nhận. "
        "Đề nghị cơ quan tiếp nhận và tổ chức thực hiện.",
        "at": "2026-12-01T02:00:00.000Z",
        "read_at": None,
        "link": "/v1/tasks?stage=assigned&waiting=me",
    }
    assert await office.kinds(HEAD, "?kind=tasks_waiting") == ["tasks_waiting"]
    assert await office.kinds(CLERK, "?kind=tasks_waiting") == []


async def test_an_entry_of_somebody_else_is_not_there(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(task_told("corrected"))
    [entry] = (await office.inbox(HEAD))["items"]
    for entry_id in (entry["id"], "khong-co", "%00", "%24gt"):
        answer = await office.http.post(f"/v1/inbox/{entry_id}/read", headers=headers(CLERK))
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert (await office.inbox(HEAD))["unread"] == 1


async def test_english_is_answered_to_who_asks_for_it(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(task_told("corrected"))
    [entry] = (await office.inbox(HEAD, **{"Accept-Language": "en"}))["items"]
    assert entry["title"] == "Task corrected"
    assert entry["text"].startswith("The provincial People's Committee corrected the task")


@pytest.mark.parametrize("username", PEOPLE)
async def test_everyone_may_read_their_own_inbox_a_program_its_empty_one(office: Office, username: str) -> None:
    assert await office.inbox(username) == {"items": [], "next_cursor": None, "unread": 0}


async def test_a_program_needs_the_scope_to_read(office: Office) -> None:
    answer = await office.http.get("/v1/inbox", headers=KEYS.headers_for("pm", Role.SERVICE, "so-tai-chinh"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/inbox"), ("POST", "/v1/inbox/read"), ("POST", "/v1/inbox/x/read")]
)
async def test_without_a_token_nothing_is_answered(office: Office, method: str, path: str) -> None:
    answer = await office.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not-authenticated")


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=201",
        "?limit=x",
        "?cursor=broken",
        "?unknown=1",
        "?task_id[$gt]=",
        "?task_id=%01",
        "?kind=task.khong-co",
        "?kind=",
        "?unread=false",
        "?unread=1",
        "?task_id=" + "x" * 101,
    ],
)
async def test_a_query_that_is_wrong_by_itself_is_refused(office: Office, query: str) -> None:
    answer = await office.http.get(f"/v1/inbox{query}", headers=headers(HEAD))
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")


async def test_a_cursor_holds_for_its_owner_and_filter_only(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(task_told("corrected"), task_told("corrected", version=2))
    cursor = (await office.inbox(HEAD, "?limit=1"))["next_cursor"]
    for username, query in ((HEAD, f"?task_id=t-1&cursor={cursor}"), (CLERK, f"?cursor={cursor}")):
        answer = await office.http.get(f"/v1/inbox{query}", headers=headers(username))
        assert answer.status_code == httpx2.codes.UNPROCESSABLE_CONTENT
        assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


async def test_the_service_describes_and_measures_itself(office: Office) -> None:
    await office.tell(*the_directory())
    await office.tell(task_told("corrected"))
    paths = (await office.http.get("/openapi.json")).json()["paths"]
    assert {"/v1/inbox", "/v1/inbox/read", "/v1/inbox/{entry_id}/read"} <= set(paths)
    received = (await office.http.get("/asyncapi")).json()["operations"]
    assert "receive deadline.due_soon.v1" in received
    metrics = (await office.http.get("/metrics")).text
    assert 'dondoc_notifications_total{kind="task.corrected"}' in metrics


def test_links_may_lead_to_a_public_address_and_to_nothing_else() -> None:
    common: dict[str, Any] = {
        "mode": Mode.LOCAL,
        "mongodb_uri": "mongodb://localhost",
        "amqp_url": "amqp://localhost",
        "public_keys": KEYS.public_keys,
    }
    assert NotificationSettings(**common, public_url="https://dondoc.example").public_url == "https://dondoc.example"
    with pytest.raises(ValueError, match="public_url"):
        NotificationSettings(**common, public_url="javascript:alert(1)")
