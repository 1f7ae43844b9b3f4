"""Sessions: how they begin, go on and end, and that tokens end with what they came from."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, Final

import httpx2
import pytest

from deploy.local.servers import Servers
from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.session import MOST, Session
from services.assignment.directory.session_store import INDEXES, SESSIONS, SessionStore
from services.assignment.directory.tokens import TokenIssuer
from shared.clock import to_milliseconds, true_now
from shared.mongo import connect, ensure_indexes
from shared.office.refusal import Refusal
from shared.office.vocabulary import Role
from shared.web.auth import LEEWAY_SECONDS, Verifier
from tests.support.clock import FakeClock
from tests.support.directory import FINANCE, KEYS, PASSWORD, AssignmentService, another_replica, running_assignment
from tests.support.servers import Database

TOKEN: Final = "/v1/auth/token"
SESSIONS_PATH: Final = "/v1/me/sessions"
SECRET: Final = "a-secret-of-the-web-pages-alone"
CLIENT: Final = {"client_id": "web", "client_secret": SECRET}
NEW_PASSWORD: Final = "mật khẩu còn dài hơn"
TOKEN_SECONDS: Final = 600

Answer = httpx2.Response


class Web:
    """The web pages: a first-party client that keeps the tokens of one person."""

    def __init__(self, service: AssignmentService, username: str) -> None:
        self.service = service
        self.username = username
        self.refresh_token = ""
        self.access_token = ""

    async def sign_in(self, agent: str = "") -> dict[str, Any]:
        form = {"grant_type": "password", "username": self.username, "password": PASSWORD}
        answer = await self.service.http.post(TOKEN, data=form | CLIENT, headers={b"User-Agent": agent.encode()})
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        self.refresh_token, self.access_token = said["refresh_token"], said["access_token"]
        return said

    async def refresh(self, at: httpx2.AsyncClient | None = None, client: Mapping[str, str] = CLIENT) -> Answer:
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        return await (at or self.service.http).post(TOKEN, data={**form, **client})

    async def revoke(self, token: str, client: Mapping[str, str] = CLIENT) -> Answer:
        form = {"token": token, "token_type_hint": "refresh_token"}
        return await self.service.http.post("/v1/auth/revoke", data={**form, **client})

    async def ask(self, method: str, path: str, at: httpx2.AsyncClient | None = None, **options: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.access_token}"}
        return await (at or self.service.http).request(method, path, headers=headers, **options)

    async def own(self) -> list[dict[str, Any]]:
        answer = await self.ask("GET", SESSIONS_PATH)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])


@pytest.fixture(scope="module")
def true_time() -> FakeClock:
    return FakeClock(true_now())


@pytest.fixture(scope="module")
async def running(servers: Servers, true_time: FakeClock) -> AsyncIterator[AssignmentService]:
    async with running_assignment(servers, now=true_time.now, web_client_secret=SECRET) as service:
        yield service


@pytest.fixture
def service(running: AssignmentService, true_time: FakeClock) -> AssignmentService:
    """The service, whose tokens and sessions live by a time that only the test moves."""
    true_time.moment = true_now()
    return running


async def person(service: AssignmentService, username: str) -> Web:
    await service.add(Account(username, "Người dùng", Role.LEADER))
    return Web(service, username)


def claims_in(token: str) -> str:
    return base64.urlsafe_b64decode(token.split(".")[1] + "==").decode()


# Beginning and going on


async def test_the_web_pages_get_a_session_and_nobody_else_does(service: AssignmentService) -> None:
    web = await person(service, "phien.1")
    said = await web.sign_in()
    assert said["refresh_expires_in"] == 12 * 3600
    assert len(base64.urlsafe_b64decode(said["refresh_token"] + "=")) == 32
    assert set((await service.sign_in("phien.1")).json()) == {"access_token", "token_type", "expires_in"}
    assert len(await web.own()) == 1


async def test_only_the_hash_of_a_refresh_token_is_kept(service: AssignmentService) -> None:
    web = await person(service, "phien.2")
    await web.sign_in()
    (record,) = await service.database[SESSIONS].find({"username": "phien.2"}).to_list()
    assert record["_id"] == hashlib.sha256(web.refresh_token.encode()).hexdigest()
    assert web.refresh_token not in str(record)
    assert web.refresh_token not in claims_in(web.access_token)


async def test_a_refresh_token_gives_tokens_and_stays_the_same(service: AssignmentService) -> None:
    web = await person(service, "phien.3")
    await web.sign_in()
    answers = [await web.refresh() for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert web.refresh_token not in "".join(answer.text for answer in answers)
    for answer in answers:
        web.access_token = answer.json()["access_token"]
        assert (await web.ask("GET", "/v1/me")).json()["username"] == "phien.3"


async def test_a_use_is_noted_once_a_minute_at_most(service: AssignmentService, true_time: FakeClock) -> None:
    web = await person(service, "phien.4")
    began = to_milliseconds(true_time.now())
    await web.sign_in()
    noted = []
    for seconds in (59, 60, 61, 119, 120):
        true_time.moment = began + timedelta(seconds=seconds)
        await web.refresh()
        (record,) = await service.database[SESSIONS].find({"username": "phien.4"}).to_list()
        noted.append(int((record["last_used_at"] - began).total_seconds()))
    assert noted == [0, 60, 60, 60, 120]


async def test_a_token_ends_with_its_session(service: AssignmentService, true_time: FakeClock) -> None:
    web = await person(service, "phien.5")
    await web.sign_in()
    true_time.advance(hours=11, minutes=58)
    said = (await web.refresh()).json()
    assert (said["expires_in"], said["refresh_expires_in"]) == (120, 120)
    web.access_token = said["access_token"]
    assert (await web.ask("GET", "/v1/me")).status_code == 200
    true_time.advance(minutes=2)
    assert (await web.ask("GET", "/v1/me")).status_code == 401


# The client


WRONG_CLIENTS: Final = {
    "another secret": {"client_id": "web", "client_secret": "x" * len(SECRET)},
    "another name": {"client_id": "mobile", "client_secret": SECRET},
    "a person": {"client_id": "giam.doc", "client_secret": PASSWORD},
}


@pytest.mark.parametrize("client", WRONG_CLIENTS.values(), ids=WRONG_CLIENTS.keys())
async def test_another_client_never_gets_nor_ends_a_session(service: AssignmentService, client: dict[str, str]) -> None:
    username = f"khach.{list(WRONG_CLIENTS.values()).index(client)}"
    web = await person(service, username)
    await web.sign_in()
    form = {"grant_type": "password", "username": username, "password": PASSWORD}
    answers = [
        await service.http.post(TOKEN, data=form | client),
        await web.refresh(client=client),
        await web.revoke(web.refresh_token, client),
    ]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(401, "invalid_client")}
    assert len(await web.own()) == 1
    assert (await web.refresh()).status_code == 200


async def test_a_program_cannot_use_a_refresh_token(service: AssignmentService) -> None:
    web = await person(service, "phien.6")
    await web.sign_in()
    await service.add(Account("may.phien", "Phần mềm", Role.SERVICE, FINANCE))
    secret = (await service.post("/v1/accounts/may.phien/secret", None)).json()["secret"]
    refused = await web.refresh(client={"client_id": "may.phien", "client_secret": secret})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_the_client_proves_itself_by_basic_too(service: AssignmentService) -> None:
    web = await person(service, "phien.7")
    await web.sign_in()
    form = {"grant_type": "refresh_token", "refresh_token": web.refresh_token}
    right, wrong = (base64.b64encode(f"web:{secret}".encode()).decode() for secret in (SECRET, "x"))
    refreshed = await service.http.post(TOKEN, data=form, headers={"Authorization": f"Basic {right}"})
    assert refreshed.status_code == 200
    refused = await service.http.post(TOKEN, data=form, headers={"Authorization": f"Basic {wrong}"})
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="dondoc"')
    revoked = await service.http.post(
        "/v1/auth/revoke", data={"token": web.refresh_token}, headers={"Authorization": f"Basic {right}"}
    )
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert (await web.refresh()).status_code == 401


async def test_failing_often_with_a_wrong_client_shuts_nobody_out(service: AssignmentService) -> None:
    web = await person(service, "phien.8")
    await web.sign_in()
    for _ in range(12):
        assert (await web.refresh(client=CLIENT | {"client_secret": "y" * 40})).status_code == 401
    assert (await web.refresh()).status_code == 200
    assert (await service.sign_in("phien.8")).status_code == 200


async def test_wrong_passwords_through_the_pages_are_limited_as_all_are(service: AssignmentService) -> None:
    await service.add(Account("bi.do.qua.web", "Bị dò", Role.LEADER))
    form = {"grant_type": "password", "username": "bi.do.qua.web", "password": "đoán"} | CLIENT
    statuses = [(await service.http.post(TOKEN, data=form)).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


# Ending


async def _by_revoking(web: Web, _time: FakeClock) -> None:
    answer = await web.revoke(web.refresh_token)
    assert (answer.status_code, answer.content) == (200, b"")


async def _by_revoking_the_access_token(web: Web, _time: FakeClock) -> None:
    assert (await web.revoke(web.access_token)).status_code == 200


async def _by_name(web: Web, _time: FakeClock) -> None:
    (session,) = await web.own()
    assert (await web.ask("DELETE", f"{SESSIONS_PATH}/{session['id']}")).status_code == 204


async def _with_all(web: Web, _time: FakeClock) -> None:
    assert (await web.ask("DELETE", SESSIONS_PATH)).status_code == 204


async def _by_a_new_password(web: Web, _time: FakeClock) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await web.ask("POST", "/v1/me/password", json=body)).status_code == 204


async def _by_disabling(web: Web, _time: FakeClock) -> None:
    assert (await web.service.patch(f"/v1/accounts/{web.username}", {"disabled": True})).status_code == 200


async def _by_disabling_for_a_moment(web: Web, time: FakeClock) -> None:
    await _by_disabling(web, time)
    assert (await web.service.patch(f"/v1/accounts/{web.username}", {"disabled": False})).status_code == 200


async def _by_time(_web: Web, time: FakeClock) -> None:
    time.advance(hours=12)


async def _by_twenty_newer_ones(web: Web, _time: FakeClock) -> None:
    store = SessionStore(web.service.database)
    for number in range(MOST):
        await store.insert(a_session(web.username, number, true_now() + timedelta(minutes=1)))


def a_session(username: str, number: int, started_at: datetime) -> Session:
    ends_at = started_at + timedelta(hours=12)
    return Session(f"{username} {number}", username, 0, started_at, started_at, ends_at)


WAYS: Final[dict[str, Callable[[Web, FakeClock], Awaitable[None]]]] = {
    "revoked": _by_revoking,
    "revoked by its access token": _by_revoking_the_access_token,
    "ended by name": _by_name,
    "ended with all": _with_all,
    "a new password": _by_a_new_password,
    "disabled": _by_disabling,
    "disabled and enabled": _by_disabling_for_a_moment,
    "twelve hours": _by_time,
    "twenty newer ones": _by_twenty_newer_ones,
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_session_ends_at_every_service(service: AssignmentService, true_time: FakeClock, way: str) -> None:
    web = await person(service, f"ket-thuc.{list(WAYS).index(way)}")
    await web.sign_in()
    issued_at = true_time.now()
    assert (await web.ask("GET", "/v1/me")).status_code == 200
    await WAYS[way](web, true_time)

    ended = await web.refresh()
    assert (ended.status_code, ended.json()["code"], ended.json()["error"]) == (
        401,
        "not-authenticated",
        "invalid_grant",
    )
    out = await web.ask("GET", "/v1/me")
    assert (out.status_code, out.json()["code"]) == (401, "not-authenticated")
    assert out.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert elsewhere_accepts(web.access_token, issued_at + timedelta(seconds=TOKEN_SECONDS - 1))
    assert not elsewhere_accepts(web.access_token, issued_at + timedelta(seconds=TOKEN_SECONDS + LEEWAY_SECONDS))


def elsewhere_accepts(token: str, now: datetime) -> bool:
    """Whether the other services, which ask the token alone, take it at this moment."""
    try:
        Verifier(KEYS.public_keys, lambda: now).verify(token)
    except Refusal:
        return False
    return True


async def test_revoking_again_or_what_nobody_knows_is_fine(service: AssignmentService) -> None:
    web = await person(service, "phien.9")
    await web.sign_in()
    for token in (web.refresh_token, web.refresh_token, "unknown", "a.b.c", "é" * 100):
        assert (await web.revoke(token)).status_code == 200
    assert (await web.revoke(web.access_token)).status_code == 200
    assert (await web.revoke("")).json()["errors"][0] | {"message": ""} == {
        "field": "token",
        "code": "missing",
        "message": "",
    }


async def test_an_access_token_of_no_session_cannot_be_revoked(service: AssignmentService) -> None:
    web = await person(service, "phien.10")
    web.access_token = (await service.sign_in("phien.10")).json()["access_token"]
    refused = await web.revoke(web.access_token)
    assert (refused.status_code, refused.json()["error"]) == (422, "unsupported_token_type")
    assert (await web.ask("GET", "/v1/me")).status_code == 200


# One's own sessions


async def test_one_sees_ones_own_sessions_and_ends_no_other(service: AssignmentService, true_time: FakeClock) -> None:
    first, second = await person(service, "phien.11"), Web(service, "phien.11")
    stranger = await person(service, "phien.12")
    agent = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    await first.sign_in(agent)
    true_time.advance(minutes=5)
    await second.sign_in("Sở\t<b>" + "x" * 300)
    await stranger.sign_in()

    newer, older = await second.own()
    assert set(newer) == {"id", "started_at", "last_used_at", "address", "agent", "current"}
    assert (older["agent"], older["address"], older["current"]) == (agent, "127.0.0.1", False)
    assert (len(newer["agent"]), newer["current"]) == (200, True)
    assert newer["agent"].isascii()
    assert newer["agent"].isprintable()
    assert [session["current"] for session in await first.own()] == [False, True]

    for path in (f"{SESSIONS_PATH}/{newer['id']}", f"{SESSIONS_PATH}/khong-co"):
        assert (await stranger.ask("DELETE", path)).status_code == 404
    assert (await first.ask("DELETE", f"{SESSIONS_PATH}/{newer['id']}")).status_code == 204
    assert (await second.refresh()).status_code == 401
    assert (await second.ask("GET", "/v1/me")).status_code == 401
    assert [session["id"] for session in await first.own()] == [older["id"]]
    assert (await first.ask("DELETE", f"{SESSIONS_PATH}/{newer['id']}")).status_code == 404
    assert (await stranger.refresh()).status_code == 200


async def test_whoever_has_no_session_has_an_empty_list(service: AssignmentService) -> None:
    answer = await service.get(SESSIONS_PATH, by="phan.mem")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})
    assert (await service.http.get(SESSIONS_PATH)).status_code == 401


async def test_an_account_has_twenty_sessions_at_most(service: AssignmentService) -> None:
    store = SessionStore(service.database)
    for number in range(MOST + 3):
        await store.insert(a_session("nhieu.phien", number, true_now() + timedelta(seconds=number)))
    kept = [session.id for session in await store.sessions_of("nhieu.phien")]
    assert kept == [f"nhieu.phien {number}" for number in range(MOST + 2, 2, -1)]


async def test_mongodb_removes_what_has_ended(database: Database) -> None:
    with closing(connect(database.uri, "tests")) as client:
        await ensure_indexes(client[database.name], INDEXES)
        found = await client[database.name][SESSIONS].index_information()
    assert [(index["key"], index["expireAfterSeconds"]) for index in found.values() if len(index) > 2] == [
        ([("ends_at", 1)], 0)
    ]


# Replicas


async def test_one_refresh_token_works_at_two_replicas_at_once(service: AssignmentService) -> None:
    web = await person(service, "phien.13")
    await web.sign_in()
    async with another_replica(service) as second:
        answers = await asyncio.gather(*(web.refresh(at) for at in (service.http, second) * 5))
        assert {answer.status_code for answer in answers} == {200}
        tokens = {answer.json()["access_token"] for answer in answers}
        assert len(tokens) == 10
        for token in tokens:
            web.access_token = token
            for at in (service.http, second):
                assert (await web.ask("GET", "/v1/me", at)).status_code == 200
        assert len(await web.own()) == 1
        assert (await web.ask("DELETE", SESSIONS_PATH, second)).status_code == 204
        assert [(await web.ask("GET", "/v1/me", at)).status_code for at in (service.http, second)] == [401, 401]
        assert [(await web.refresh(at)).status_code for at in (service.http, second)] == [401, 401]


# Tokens of an account


async def test_a_new_password_ends_every_older_token_and_no_newer_one(
    service: AssignmentService, true_time: FakeClock
) -> None:
    web = await person(service, "doi.mat.khau")
    old = (await service.sign_in("doi.mat.khau")).json()["access_token"]
    web.access_token = old
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await web.ask("POST", "/v1/me/password", json=body)).status_code == 204
    assert (await web.ask("GET", "/v1/me")).status_code == 401
    # The clock has not moved: both tokens have the same `iat`.
    web.access_token = (await service.sign_in("doi.mat.khau", NEW_PASSWORD)).json()["access_token"]
    assert (await web.ask("GET", "/v1/me")).status_code == 200
    assert elsewhere_accepts(old, true_time.now())
    assert not elsewhere_accepts(old, true_time.now() + timedelta(seconds=TOKEN_SECONDS + LEEWAY_SECONDS))


async def test_a_new_secret_ends_the_tokens_of_the_old_one(service: AssignmentService) -> None:
    await service.add(Account("may.cu", "Phần mềm", Role.SERVICE, FINANCE))
    program = Web(service, "may.cu")

    async def token_by_new_secret() -> str:
        secret = (await service.post("/v1/accounts/may.cu/secret", None)).json()["secret"]
        form = {"grant_type": "client_credentials", "client_id": "may.cu", "client_secret": secret}
        return str((await service.http.post(TOKEN, data=form)).json()["access_token"])

    program.access_token = await token_by_new_secret()
    assert (await program.ask("GET", "/v1/me")).status_code == 200
    new = await token_by_new_secret()
    assert (await program.ask("GET", "/v1/me")).status_code == 401
    program.access_token = new
    assert (await program.ask("GET", "/v1/me")).status_code == 200


async def test_who_was_proven_by_the_old_password_gets_nothing_after_the_change(service: AssignmentService) -> None:
    """A sign-in takes a while: it may read the account before the change, and get its token after it."""
    web = await person(service, "dang.dang.nhap")
    read_before = Account("dang.dang.nhap", "Người dùng", Role.LEADER)
    web.access_token = (await service.sign_in("dang.dang.nhap")).json()["access_token"]
    await _by_a_new_password(web, FakeClock(true_now()))
    late = TokenIssuer(KEYS.signing_key, timedelta(minutes=10), lambda: true_now() + timedelta(seconds=5))
    web.access_token = late.issue(read_before).text
    assert (await web.ask("GET", "/v1/me")).status_code == 401


async def test_changes_of_one_account_at_the_same_moment_end_its_tokens_each_time(service: AssignmentService) -> None:
    await service.add(Account("may.ban", "Phần mềm", Role.SERVICE, FINANCE))
    before = (await service.stored("accounts", "may.ban"))["tokens_from"]
    secrets = [service.post("/v1/accounts/may.ban/secret", None) for _ in range(6)]
    changes = [service.patch("/v1/accounts/may.ban", {"position": f"Phòng {number}"}) for number in range(6)]
    answers = await asyncio.gather(*secrets, *changes)
    assert {answer.status_code for answer in answers} == {200}
    assert (await service.stored("accounts", "may.ban"))["tokens_from"] == before + 6


async def test_an_account_of_an_earlier_version_goes_on(service: AssignmentService) -> None:
    web = await person(service, "tai.khoan.cu")
    await service.database["accounts"].update_one({"_id": "tai.khoan.cu"}, {"$unset": {"tokens_from": 1}})
    await web.sign_in()
    assert (await web.ask("GET", "/v1/me")).status_code == 200
    assert (await service.get("/v1/me", by="tai.khoan.cu")).status_code == 200  # its token has no `gen`
    await _by_a_new_password(web, FakeClock(true_now()))
    assert (await web.ask("GET", "/v1/me")).status_code == 401
    assert (await service.get("/v1/me", by="tai.khoan.cu")).status_code == 401


async def test_no_secret_of_a_session_is_ever_logged_or_answered(
    service: AssignmentService, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    web = await person(service, "kin.dao")
    await web.sign_in()
    answers = [
        await web.refresh(),
        await web.refresh(client=CLIENT | {"client_secret": "đoán mò 4711"}),
        await web.ask("GET", SESSIONS_PATH),
        await web.revoke(web.refresh_token),
        await web.refresh(),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 200, 200, 401]
    output = capfd.readouterr()
    logged, answered = caplog.text + output.out + output.err, "".join(answer.text for answer in answers)
    for hidden in (web.refresh_token, SECRET, "đoán mò 4711"):
        assert hidden not in logged
        assert hidden not in answered
    assert web.access_token not in logged
    assert "/v1/auth/revoke" in logged
