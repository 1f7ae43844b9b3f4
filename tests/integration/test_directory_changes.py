"""What an administrator creates and changes, what is refused, and the events that tell of it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from deploy.local.servers import Servers
from services.assignment.directory import uncancelled
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.passwords import Passwords
from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.agency import Agency
from services.assignment.directory.store import INDEXES, DirectoryStore
from shared.clock import SystemClock
from shared.messaging.topology import events_queue
from shared.mongo import connect
from shared.office.vocabulary import AgencyKind, Role
from tests.support.directory import BUILDING, FINANCE, PASSWORD, AssignmentService, running_assignment
from tests.support.messaging import messages_in, wait_until

ADMINISTRATORS = (Account("quan.tri", "Quản trị", Role.ADMINISTRATOR), Account("hai", "Hai", Role.ADMINISTRATOR))
PEOPLE = (*ADMINISTRATORS, Account("giam.doc", "Giám đốc", Role.HEAD, FINANCE), Account("x", "X", Role.HEAD, BUILDING))


@pytest.fixture(scope="module")
async def service(servers: Servers) -> AsyncIterator[AssignmentService]:
    async with running_assignment(servers, PEOPLE) as running:
        yield running


@pytest.fixture
async def fresh_house(servers: Servers) -> AsyncIterator[AssignmentService]:
    async with running_assignment(servers, ADMINISTRATORS) as running:
        yield running


def problem(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    body = answer.json()
    return answer.status_code, body["code"], [(error["field"], error["code"]) for error in body["errors"]]


def an_account(username: str, **others: Any) -> dict[str, Any]:
    return {"username": username, "display_name": "M", "role": "leader", "password": PASSWORD} | others


async def test_an_agency_created_is_read_and_changed(service: AssignmentService) -> None:
    body = {"code": "chi-cuc", "name": "  Chi cục Thuế ", "kind": "unit", "short_name": "", "parent": FINANCE}
    created = await service.post("/v1/agencies", body)
    assert created.status_code == 201
    assert created.headers["Location"] == "/v1/agencies/chi-cuc"
    assert created.headers["ETag"] == '"1"'
    expected = {"code": "chi-cuc", "name": "Chi cục Thuế", "kind": "unit", "short_name": None, "parent": FINANCE}
    assert created.json() == expected | {"version": 1}
    changed = await service.patch("/v1/agencies/chi-cuc", {"short_name": "CCT", "parent": None}, **{"If-Match": '"1"'})
    assert changed.json() == expected | {"short_name": "CCT", "parent": None, "version": 2}
    read = await service.get("/v1/agencies/chi-cuc", "giam.doc")
    assert (read.json(), read.headers["ETag"]) == (changed.json(), '"2"')
    below = await service.get("/v1/agencies", "giam.doc", params={"parent": FINANCE})
    assert below.json()["items"] == []


@pytest.mark.parametrize("code", ["STC", "28249", "so-tai-chinh-2", "UBND.DT", "h_1"])
async def test_codes_as_offices_write_them_are_taken(service: AssignmentService, code: str) -> None:
    created = await service.post("/v1/agencies", {"code": code, "name": "N", "kind": "other"})
    assert created.status_code == 201
    assert (await service.get(created.headers["Location"], "giam.doc")).json()["code"] == code


BAD_AGENCIES: list[tuple[dict[str, Any], str]] = [
    ({"code": "a b"}, "code"),
    ({"code": "a/b"}, "code"),
    ({"code": "sở-tài-chính"}, "code"),
    ({"code": "ＳＴＣ"}, "code"),
    ({"code": "STС"}, "code"),  # the last letter is Cyrillic
    ({"code": ""}, "code"),
    ({"code": {"$gt": ""}}, "code"),
    ({"code": 7}, "code"),
    ({"name": {"$ne": None}}, "name"),
    ({"name": "a\u0000b"}, "name"),
    ({"name": None}, "name"),
    ({"kind": "castle"}, "kind"),
    ({"kind": {"$in": ["unit"]}}, "kind"),
    ({"parent": {"$exists": True}}, "parent"),
    ({"parent": "nowhere"}, "parent"),
    ({"parent": "moi"}, "parent"),
    ({"version": 9}, "version"),
    ({"$set": {"name": "x"}}, "_"),
]


@pytest.mark.parametrize(("wrong", "field"), BAD_AGENCIES)
async def test_a_wrong_agency_is_refused_and_nothing_is_kept(
    service: AssignmentService, wrong: dict[str, Any], field: str
) -> None:
    answer = await service.post("/v1/agencies", {"code": "moi", "name": "M", "kind": "unit"} | wrong)
    assert problem(answer)[:2] == (422, "validation")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await service.database["agencies"].find_one({"_id": "moi"}) is None


BAD_ACCOUNTS: list[tuple[dict[str, Any], str, str]] = [
    ({"username": "Hòa"}, "username", "bad-format"),
    ({"username": "a b"}, "username", "bad-format"),
    ({"username": {"$gt": ""}}, "username", "not-a-text"),
    ({"password": None}, "password", "missing"),
    ({"password": "chín chữ."}, "password", "too-short"),
    ({"password": ""}, "password", "too-short"),
    ({"password": "Hanoi@2026"}, "password", "common-password"),
    ({"username": "mot.nguoi", "password": "Mot.Nguoi moi den"}, "password", "contains-username"),
    ({"password": "abcdefghijkl"}, "password", "easy-password"),
    ({"role": "service", "agency": FINANCE, "password": None, "one_time": True}, "one_time", "not-allowed"),
    ({"password": "x" * 129}, "password", "too-long"),
    ({"password": {"$ne": ""}}, "password", "not-a-text"),
    ({"password": 123456789}, "password", "not-a-text"),
    ({"role": "king"}, "role", "not-one-of"),
    ({"role": "head"}, "agency", "missing"),
    ({"role": "coordinator"}, "agency", "missing"),
    ({"role": "head", "agency": "nowhere"}, "agency", "unknown-agency"),
    ({"agency": "nowhere"}, "agency", "unknown-agency"),
    ({"agency": {"$gt": ""}}, "agency", "not-a-text"),
    ({"role": "service", "agency": FINANCE}, "password", "not-allowed"),
    ({"scopes": ["tasks:read"]}, "scopes", "not-allowed"),
    ({"role": "service", "agency": FINANCE, "password": None, "scopes": ["all"]}, "scopes.0", "not-one-of"),
    ({"email": "nobody"}, "email", "bad-format"),
    ({"disabled": True}, "disabled", "unknown-field"),
    ({"secret": "s"}, "secret", "unknown-field"),
]


@pytest.mark.parametrize(("wrong", "field", "code"), BAD_ACCOUNTS)
async def test_a_wrong_account_is_refused_and_nothing_is_kept(
    service: AssignmentService, wrong: dict[str, Any], field: str, code: str
) -> None:
    answer = await service.post("/v1/accounts", an_account("moi") | wrong)
    assert problem(answer) == (422, "validation", [(field, code)])
    assert PASSWORD not in answer.text
    assert await service.database["accounts"].find_one({"_id": "moi"}) is None


async def test_nobody_can_pass_for_time_itself(service: AssignmentService) -> None:
    assert problem(await service.post("/v1/accounts", an_account("system"))) == (409, "already-exists", [])
    assert await service.database["accounts"].find_one({"_id": "system"}) is None


async def test_a_code_or_a_name_taken_is_refused(service: AssignmentService) -> None:
    agency = await service.post("/v1/agencies", {"code": FINANCE, "name": "M", "kind": "unit", "parent": "nowhere"})
    account = await service.post("/v1/accounts", an_account("giam.doc", agency="nowhere"))
    assert problem(agency) == problem(account) == (409, "already-exists", [])
    assert (await service.stored("accounts", "giam.doc"))["role"] == "head"


async def test_of_many_who_create_the_same_at_once_one_succeeds(service: AssignmentService) -> None:
    answers = await asyncio.gather(*(service.post("/v1/accounts", an_account("cung.luc")) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_a_stale_version_changes_nothing(service: AssignmentService) -> None:
    for path in (f"/v1/agencies/{BUILDING}", "/v1/accounts/x"):
        for stale in ('"7"', 'W/"1"', '"x"'):
            field = "name" if "agencies" in path else "display_name"
            answer = await service.patch(path, {field: "Khác"}, **{"If-Match": stale})
            assert problem(answer) == (412, "version-conflict", [])
        assert (await service.get(path, "quan.tri")).headers["ETag"] == '"1"'


async def test_no_change_makes_a_circle(service: AssignmentService) -> None:
    for code, parent in (("v1", None), ("v2", "v1"), ("v3", "v2")):
        await service.post("/v1/agencies", {"code": code, "name": code, "kind": "unit", "parent": parent})
    for code, parent in (("v1", "v1"), ("v1", "v2"), ("v1", "v3"), ("v2", "v3")):
        answer = await service.patch(f"/v1/agencies/{code}", {"parent": parent})
        assert problem(answer) == (422, "validation", [("parent", "circle")])
    assert problem(await service.patch("/v1/agencies/v1", {"parent": "nowhere"}))[2] == [("parent", "unknown-agency")]


async def test_two_changes_at_once_make_no_circle_either(service: AssignmentService) -> None:
    for number in range(5):
        left, right = f"l{number}", f"r{number}"
        for code in (left, right):
            await service.post("/v1/agencies", {"code": code, "name": code, "kind": "unit"})
        answers = await asyncio.gather(
            service.patch(f"/v1/agencies/{left}", {"parent": right}),
            service.patch(f"/v1/agencies/{right}", {"parent": left}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_an_account_changes_role_agency_and_scopes(service: AssignmentService) -> None:
    await service.post("/v1/accounts", an_account("doi", role="head", agency=FINANCE))
    changed = await service.patch("/v1/accounts/doi", {"role": "clerk", "agency": BUILDING, "position": "Văn thư"})
    assert changed.json() == {
        "username": "doi",
        "display_name": "M",
        "role": "clerk",
        "agency": BUILDING,
        "position": "Văn thư",
        "email": None,
        "scopes": [],
        "disabled": False,
        "version": 2,
    }
    program = {"username": "may", "display_name": "Máy", "role": "service", "agency": FINANCE, "scopes": []}
    assert (await service.post("/v1/accounts", program)).status_code == 201
    scoped = await service.patch("/v1/accounts/may", {"scopes": ["tasks:read", "tasks:act", "tasks:read"]})
    assert scoped.json()["scopes"] == ["tasks:act", "tasks:read"]


BAD_CHANGES: list[tuple[dict[str, Any], str, str]] = [
    ({"agency": None}, "agency", "missing"),
    ({"agency": "nowhere"}, "agency", "unknown-agency"),
    ({"scopes": ["tasks:read"]}, "scopes", "not-allowed"),
    ({"role": "service"}, "role", "not-allowed"),
    ({"role": None}, "role", "not-one-of"),
    ({"disabled": "true"}, "disabled", "not-a-boolean"),
    ({"disabled": 1}, "disabled", "not-a-boolean"),
    ({"display_name": ""}, "display_name", "empty"),
    ({"username": "khac"}, "username", "unknown-field"),
    ({"password": PASSWORD}, "password", "unknown-field"),
    ({"position": {"$set": 1}}, "position", "not-a-text"),
]


@pytest.mark.parametrize(("changes", "field", "code"), BAD_CHANGES)
async def test_a_wrong_change_is_refused_and_nothing_changes(
    service: AssignmentService, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = await service.patch("/v1/accounts/giam.doc", changes)
    assert problem(answer) == (422, "validation", [(field, code)])
    assert (await service.stored("accounts", "giam.doc"))["version"] == 1


@pytest.fixture
def begun_transactions(servers: Servers) -> Iterator[Callable[[], Awaitable[int]]]:
    """Counts the transactions that MongoDB began since it started."""
    with closing(connect(servers.mongodb_uri, "tests")) as client:

        async def count() -> int:
            return int((await client.admin.command("serverStatus"))["transactions"]["totalStarted"])

        yield count


async def test_whoever_may_not_change_the_directory_begins_no_transaction(
    service: AssignmentService, begun_transactions: Callable[[], Awaitable[int]]
) -> None:
    before = await begun_transactions()
    answers = [
        await service.patch(f"/v1/agencies/{FINANCE}", {"name": "M"}, "giam.doc"),
        await service.patch("/v1/agencies/nowhere", {"name": "M"}, "giam.doc"),
        await service.patch("/v1/accounts/giam.doc", {"position": "M"}, "giam.doc"),
        await service.patch("/v1/accounts/x", {"position": "M"}, "giam.doc"),
        await service.patch("/v1/accounts/nobody", {"position": "M"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 404, 403, 404, 404]
    assert await begun_transactions() == before
    assert (await service.patch(f"/v1/agencies/{FINANCE}", {"short_name": "M"})).status_code == 200
    assert await begun_transactions() == before + 1


async def test_a_change_that_waits_is_not_made_once_its_client_has_left(
    service: AssignmentService, begun_transactions: Callable[[], Awaitable[int]]
) -> None:
    await service.post("/v1/agencies", {"code": "roi-di", "name": "Rời", "kind": "unit"})
    await service.patch("/v1/agencies/roi-di", {"short_name": "R"})
    guards = service.database["directory_guards"]
    async with await service.database.client.start_session() as session, session.start_transaction():
        await guards.update_one({"_id": "agencies"}, {"$inc": {"changes": 1}}, session=session)
        before = await begun_transactions()
        leaving = asyncio.create_task(service.patch("/v1/agencies/roi-di", {"name": "Đi"}))

        async def has_collided() -> bool:
            return await begun_transactions() > before + 1

        await wait_until(has_collided, "the change waits for the guard")
        await leaves(leaving)
        await wait_until(lambda: not uncancelled._running, "nothing is tried any longer")
    assert (await service.stored("agencies", "roi-di"))["name"] == "Rời"
    assert (await service.patch("/v1/agencies/roi-di", {"name": "Về"})).status_code == 200


async def test_a_change_that_has_begun_is_brought_to_its_end(service: AssignmentService) -> None:
    store = DirectoryStore(service.database)
    handlers = DirectoryHandlers(store, SystemClock(), Passwords(memory_kib=8, passes=1), lambda *_: None)
    has_begun, go_on = asyncio.Event(), asyncio.Event()

    async def change(inside: DirectoryStore) -> None:
        agency = Agency("giua-chung", "Giữa chừng", AgencyKind.UNIT)
        await inside.insert_agency(agency, handlers._agency_changed(agency))
        has_begun.set()
        await go_on.wait()

    leaving = asyncio.create_task(store.serialised("agencies", change))
    await has_begun.wait()
    await leaves(leaving)
    go_on.set()
    await wait_until(lambda: not uncancelled._running, "the change has ended")
    assert (await service.stored("agencies", "giua-chung"))["name"] == "Giữa chừng"


async def leaves(leaving: asyncio.Task[Any]) -> None:
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert leaving.cancelled()


async def test_the_last_administrator_is_neither_disabled_nor_demoted(fresh_house: AssignmentService) -> None:
    assert (await fresh_house.patch("/v1/accounts/hai", {"disabled": True})).status_code == 200
    for changes, field in (({"disabled": True}, "disabled"), ({"role": "leader"}, "role")):
        answer = await fresh_house.patch("/v1/accounts/quan.tri", changes)
        assert problem(answer) == (422, "validation", [(field, "last-administrator")])
        assert "quản trị hệ thống duy nhất" in answer.json()["errors"][0]["message"]


async def test_two_administrators_cannot_disable_each_other_at_once(fresh_house: AssignmentService) -> None:
    answers = await asyncio.gather(
        fresh_house.patch("/v1/accounts/quan.tri", {"disabled": True}, by="hai"),
        fresh_house.patch("/v1/accounts/hai", {"disabled": True}, by="quan.tri"),
    )
    assert sum(answer.status_code == 200 for answer in answers) == 1
    left = await fresh_house.database["accounts"].count_documents({"role": "administrator", "disabled": False})
    assert left == 1


async def test_every_change_is_told_once_and_secrets_are_not(fresh_house: AssignmentService) -> None:
    await fresh_house.post("/v1/agencies", {"code": "stc", "name": "Sở Tài chính", "kind": "department"})
    await fresh_house.patch("/v1/agencies/stc", {"short_name": "STC"})
    await fresh_house.post("/v1/accounts", an_account("hoa", role="head", agency="stc", position="Giám đốc"))

    async def all_sent() -> bool:
        waiting = [
            await fresh_house.database[name].find_one({"pending_since": {"$exists": True}})
            for name in ("agencies", "accounts")
        ]
        return not any(waiting)

    await wait_until(all_sent, "the outboxes are empty")
    messages = await messages_in(fresh_house.vhost.amqp_url, events_queue("notification"))
    events = [orjson.loads(message.body) for message in messages]
    told = [(event["type"], event["id"], event["sequence"]) for event in events if event["subject"] in {"stc", "hoa"}]
    assert sorted(told) == [
        ("account.changed.v1", "account:hoa:1", "1"),
        ("agency.changed.v1", "agency:stc:1", "1"),
        ("agency.changed.v1", "agency:stc:2", "2"),
    ]
    [hoa] = [event for event in events if event["subject"] == "hoa"]
    assert hoa["source"] == "/assignment"
    assert hoa["correlationid"]
    assert hoa["data"] == {
        "username": "hoa",
        "display_name": "M",
        "role": "head",
        "agency": "stc",
        "position": "Giám đốc",
        "email": None,
        "disabled": False,
    }


async def test_no_list_of_the_directory_scans(service: AssignmentService) -> None:
    assert len(INDEXES) == 6
    named = {"$or": [{"_id": {"$in": ["STC"]}}, {"folded": {"$in": ["stc"]}}]}
    plan = await service.database["agencies"].find(named).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
    queries: list[tuple[str, dict[str, Any]]] = [
        ("agencies", {}),
        ("agencies", {"kind": "unit"}),
        ("agencies", {"parent": FINANCE, "_id": {"$gt": "a"}}),
        ("agencies", {"kind": "unit", "parent": FINANCE}),
        ("accounts", {"agency": FINANCE}),
        ("accounts", {"role": "head"}),
        ("accounts", {"agency": FINANCE, "role": "head", "_id": {"$gt": "a"}}),
        ("accounts", {"role": "administrator", "disabled": False, "_id": {"$ne": "a"}}),
    ]
    for collection, query in queries:
        plan = await service.database[collection].find(query).sort("_id", 1).limit(51).explain()
        text = str(plan["queryPlanner"]["winningPlan"])
        assert "COLLSCAN" not in text, query
        assert "IXSCAN" in text, query


async def test_an_old_code_with_marks_is_found_however_it_is_typed(service: AssignmentService) -> None:
    agencies = DirectoryHandlers(
        DirectoryStore(service.database), SystemClock(), Passwords(memory_kib=8, passes=1), lambda *_: None
    )
    old = Agency(code="SỞ-NV", name="Sở Nội vụ", kind=AgencyKind.DEPARTMENT)
    await agencies.create_agency(ADMINISTRATORS[0].principal, old)
    await service.add(Account("chanh", "Chánh", Role.HEAD, "SỞ-NV"))
    await agencies.create_agency(ADMINISTRATORS[0].principal, replace(old, code="phong", parent="SỞ-NV"))
    for typed in ("SỞ-NV", unicodedata.normalize("NFD", "SỞ-NV"), " SỞ-NV\u00a0"):
        assert (await service.get(f"/v1/agencies/{quote(typed)}", "quan.tri")).json()["name"] == "Sở Nội vụ"
        children = await service.get("/v1/agencies", "quan.tri", params={"parent": typed})
        assert [agency["code"] for agency in children.json()["items"]] == ["phong"]
        people = await service.get("/v1/accounts", "quan.tri", params={"agency": typed})
        assert [account["username"] for account in people.json()["items"]] == ["chanh"]


@pytest.mark.parametrize("path", ["/v1/agencies/so-tai-chinh", "/v1/accounts/x"])
async def test_a_change_is_for_one_of_the_versions_that_are_named(service: AssignmentService, path: str) -> None:
    version = (await service.get(path, "quan.tri")).json()["version"]

    async def status(if_match: str) -> int:
        body = {"name": "Sở Tài chính"} if "agencies" in path else {"display_name": "X"}
        return (await service.patch(path, body, **{"If-Match": if_match})).status_code

    assert await status(f'"{version + 7}", "{version}"') == 200
    current = (await service.get(path, "quan.tri")).json()["version"]
    assert [await status(tag) for tag in (f'W/"{current}"', f'"0{current}"', "seven", "*")] == [412, 412, 422, 200]
