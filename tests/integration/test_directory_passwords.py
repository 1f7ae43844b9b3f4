"""One-time passwords, what a new password must be, and what the log tells of passwords and sign-ins."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import structlog
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from services.assignment.directory.rules.account import Account
from services.assignment.directory.store import DirectoryStore
from shared.office.vocabulary import Role
from shared.web.auth import Verifier
from tests.support.clock import MONDAY, FakeClock, local
from tests.support.directory import FINANCE, KEYS, PASSWORD, PEOPLE, AssignmentService, running_assignment
from tests.unit.test_one_time_token import routes_of

OWN = "gió chướng thổi về đồng"
CLOCK = FakeClock(local(MONDAY))


@pytest.fixture(scope="module")
async def service(servers: Servers) -> AsyncIterator[AssignmentService]:
    async with running_assignment(
        servers, PEOPLE, clock=CLOCK, failed_sign_ins_per_account="4 per 5 minute"
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _monday() -> None:
    CLOCK.set(MONDAY)


async def a_person(service: AssignmentService, username: str) -> None:
    await service.add(Account(username, "Người", Role.LEADER))


async def reset(service: AssignmentService, username: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await service.post(f"/v1/accounts/{username}/password", body or {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


def errors_of(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


async def bearer(service: AssignmentService, username: str, password: str) -> dict[str, str]:
    answer = await service.sign_in(username, password)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_one_time_password_is_good_for_being_changed_alone(service: AssignmentService) -> None:
    await a_person(service, "quen.roi")
    given = await reset(service, "quen.roi")
    assert set(given) == {"username", "password", "expires_at"}
    assert datetime.fromisoformat(given["expires_at"]) == CLOCK.now() + timedelta(hours=72)
    assert given["password"] not in str(await service.stored("accounts", "quen.roi"))
    assert (await service.sign_in("quen.roi")).status_code == 401

    by = await bearer(service, "quen.roi", given["password"])
    assert Verifier(KEYS.public_keys).verify(by["Authorization"].split()[1]).must_change_password
    assert (await service.http.get("/v1/me", headers=by)).json()["must_change_password"] is True
    allowed = {("GET", "/v1/me"), ("POST", "/v1/me/password")}
    routes = set(routes_of(service.app))
    assert allowed < routes
    for method, path in routes - allowed:
        answer = await service.http.request(method, path, headers=by)
        assert (answer.status_code, answer.json()["code"]) == (403, "password-change-required"), (method, path)

    change = {"current_password": given["password"], "new_password": given["password"]}
    same = await service.http.post("/v1/me/password", json=change, headers=by)
    assert errors_of(same) == [("new_password", "same-password")]
    changed = await service.http.post("/v1/me/password", json=change | {"new_password": OWN}, headers=by)
    assert changed.status_code == 204
    by = await bearer(service, "quen.roi", OWN)
    assert (await service.http.get("/v1/me", headers=by)).json()["must_change_password"] is False
    assert (await service.http.get("/v1/accounts", headers=by)).status_code == 200
    assert (await service.sign_in("quen.roi", given["password"])).status_code == 401


async def test_of_two_changes_at_once_one_proves_nothing_any_more(service: AssignmentService) -> None:
    await a_person(service, "hai.lan")
    by = await bearer(service, "hai.lan", PASSWORD)
    bodies = [{"current_password": PASSWORD, "new_password": f"{OWN} {number}"} for number in range(2)]
    answers = await asyncio.gather(*(service.http.post("/v1/me/password", json=body, headers=by) for body in bodies))
    assert sorted(answer.status_code for answer in answers) in ([204, 401], [204, 422])


async def test_a_change_that_began_before_a_reset_does_not_undo_it(service: AssignmentService) -> None:
    """Its current password was proven, and while the new one was judged the administrator gave another."""
    await a_person(service, "cham.chan")
    store = DirectoryStore(service.database)
    owner = await store.account("cham.chan")
    assert owner is not None
    given = await reset(service, "cham.chan")
    assert not await store.replace_own_password(owner, "a hash")
    assert (await service.sign_in("cham.chan", given["password"])).status_code == 200


async def test_a_password_in_another_form_of_its_letters_is_the_same(service: AssignmentService) -> None:
    await a_person(service, "may.khac")
    given = await reset(service, "may.khac", {"password": "Mật ong rừng 7 gùi"})
    by = await bearer(service, "may.khac", given["password"])
    typed = unicodedata.normalize("NFD", given["password"])
    answer = await service.http.post(
        "/v1/me/password", json={"current_password": typed, "new_password": typed}, headers=by
    )
    assert errors_of(answer) == [("new_password", "same-password")]


async def test_an_account_says_at_once_that_its_password_must_be_changed(service: AssignmentService) -> None:
    await a_person(service, "dang.lam")
    by = await bearer(service, "dang.lam", PASSWORD)
    assert (await service.http.get("/v1/accounts", headers=by)).status_code == 200
    await reset(service, "dang.lam")
    assert (await service.http.get("/v1/accounts", headers=by)).status_code in {401, 403}


async def test_an_expired_one_time_password_is_as_a_wrong_one(service: AssignmentService) -> None:
    await a_person(service, "de.lau")
    given = await reset(service, "de.lau")
    CLOCK.advance(hours=72, seconds=-1)
    assert (await service.sign_in("de.lau", given["password"])).status_code == 200
    CLOCK.advance(seconds=1)
    with capture_logs() as logged:
        late = await service.sign_in("de.lau", given["password"])
    wrong = await service.sign_in("de.lau", "sai")
    assert (late.status_code, late.json()) == (401, wrong.json())
    assert [line["why"] for line in logged if line["event"] == "sign_in_failed"] == ["one-time-password-expired"]
    again = await reset(service, "de.lau", {"password": "đò ngang sang bến bên kia"})
    assert again["password"] == "đò ngang sang bến bên kia"
    assert (await service.sign_in("de.lau", again["password"])).status_code == 200


async def test_an_account_may_begin_with_a_one_time_password(service: AssignmentService) -> None:
    body = {"username": "Moi.Den ", "display_name": "M", "role": "leader", "password": PASSWORD, "one_time": True}
    created = await service.post("/v1/accounts", body)
    assert (created.status_code, created.json()["username"]) == (201, "moi.den")
    by = await bearer(service, "moi.den", PASSWORD)
    assert (await service.http.get("/v1/agencies", headers=by)).json()["code"] == "password-change-required"
    CLOCK.advance(hours=72)
    assert (await service.sign_in("moi.den")).status_code == 401


async def test_only_people_have_passwords_and_only_the_administrator_resets_them(service: AssignmentService) -> None:
    assert errors_of(await service.post("/v1/accounts/phan.mem/password", {})) == [("username", "not-allowed")]
    assert (await service.post("/v1/accounts/khong.co/password", {})).status_code == 404
    assert (await service.post("/v1/accounts/giam.doc/password", {}, by="chu.tich")).status_code == 403
    for password, code in (("ngắn", "too-short"), ("Matkhau@123", "common-password"), ("a" * 12, "easy-password")):
        refused = await service.post("/v1/accounts/giam.doc/password", {"password": password})
        assert errors_of(refused) == [("password", code)]
    assert (await service.sign_in("giam.doc")).status_code == 200


async def test_a_password_of_ones_own_must_be_good_too(service: AssignmentService) -> None:
    await a_person(service, "de.dai")
    for password, code in (("Hanoi@2026", "common-password"), ("de.dai va em", "contains-username")):
        body = {"current_password": PASSWORD, "new_password": password}
        assert errors_of(await service.post("/v1/me/password", body, "de.dai")) == [("new_password", code)]
    english = {"Accept-Language": "en"} | service.as_("de.dai")
    body = {"current_password": PASSWORD, "new_password": "abcdefghijkl"}
    answer = await service.http.post("/v1/me/password", json=body, headers=english)
    assert "Easy to guess" in answer.json()["errors"][0]["message"]


async def test_a_wrong_current_password_is_no_failed_sign_in(service: AssignmentService) -> None:
    await a_person(service, "nham")
    body = {"current_password": "sai", "new_password": OWN}
    answers = [await service.post("/v1/me/password", body, "nham") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429]
    assert (await service.sign_in("nham")).status_code == 200


@pytest.mark.parametrize("typed", ["Giam.Doc", " giam.doc ", "GIAM.DOC\t", "\u00a0giam.doc"])
async def test_a_username_is_one_however_it_is_typed(service: AssignmentService, typed: str) -> None:
    assert (await service.sign_in(typed)).status_code == 200
    answer = await service.get(f"/v1/accounts/{quote(typed)}", "quan.tri")
    assert (answer.status_code, answer.json()["username"]) == (200, "giam.doc")


async def test_failures_of_one_name_are_counted_together_and_forgiven(service: AssignmentService) -> None:
    await a_person(service, "hay.nham")
    typed = ("hay.nham", "Hay.Nham", " hay.nham")
    for _ in range(2):
        assert [(await service.sign_in(name, "sai")).status_code for name in typed] == [401] * 3
        assert (await service.sign_in("HAY.NHAM")).status_code == 200


async def test_a_program_signs_in_under_its_name_in_any_case(service: AssignmentService) -> None:
    await service.add(Account("may.tinh", "Máy", Role.SERVICE, FINANCE))
    made = await service.post("/v1/accounts/MAY.TINH/secret", None)
    assert made.json()["username"] == "may.tinh"
    form = {"grant_type": "client_credentials", "client_id": " May.Tinh", "client_secret": made.json()["secret"]}
    assert (await service.http.post("/v1/auth/token", data=form)).status_code == 200
    proof = httpx2.BasicAuth("MAY.tinh", made.json()["secret"])
    grant = {"grant_type": "client_credentials"}
    assert (await service.http.post("/v1/auth/token", data=grant, auth=proof)).status_code == 200


async def test_a_program_without_a_scope_has_its_own_account_and_the_agencies(service: AssignmentService) -> None:
    await service.add(Account("khong.quyen", "Phần mềm", Role.SERVICE, FINANCE))
    allowed = {"/v1/me", "/v1/accounts/khong.quyen", "/v1/agencies", f"/v1/agencies/{FINANCE}"}
    for path in allowed:
        assert (await service.get(path, "khong.quyen")).status_code == 200, path
    for path in ("/v1/accounts", "/v1/accounts/giam.doc", "/v1/tasks", "/v1/accounts?agency=van-phong"):
        answer = await service.get(path, "khong.quyen")
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted"), path
    for path in ("/v1/tasks/x", "/v1/tasks/x/history", "/v1/task-batches/x"):
        assert (await service.get(path, "khong.quyen")).status_code == 404, path


async def test_the_log_tells_who_did_what_from_where_and_nothing_secret(service: AssignmentService) -> None:
    await a_person(service, "nhat.ky")
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await service.sign_in("nhat.ky")
        await service.sign_in("nhat.ky", "đoán mò 4711")
        await service.sign_in("<b>" + "x" * 90, "đoán mò 4711")
        for _ in range(4):
            await service.sign_in("nhat.ky", "đoán mò 4711")
        await service.get("/v1/accounts", "can.bo")
        given = await reset(service, "nhat.ky")
        await service.post("/v1/agencies", {"code": "nhat-ky", "name": "N", "kind": "unit"})
        await service.patch("/v1/agencies/nhat-ky", {"name": "Nhật ký"})
        await service.patch("/v1/agencies/nhat-ky", {"name": "Nhật ký"})
        await service.patch("/v1/accounts/nhat.ky", {"disabled": True, "email": "kin@example.vn"})
    told = [line for line in lines if line["event"] not in {"request", "publishing"}]
    assert [
        (line["event"], line.get("account"), line.get("username") or line.get("agency") or line.get("route"))
        for line in told
    ] == [
        ("sign_in_done", None, "nhat.ky"),
        ("sign_in_failed", None, "nhat.ky"),
        ("sign_in_failed", None, "?b?" + "x" * 57),
        *[("sign_in_failed", None, "nhat.ky")] * 3,
        ("sign_in_held_up", None, "nhat.ky"),
        ("request_refused", "can.bo", "/v1/accounts"),
        ("password_reset", "quan.tri", "nhat.ky"),
        ("agency_created", "quan.tri", "nhat-ky"),
        ("agency_changed", "quan.tri", "nhat-ky"),
        ("account_changed", "quan.tri", "nhat.ky"),
    ]
    assert {line["address"] for line in told} == {"127.0.0.1"}
    assert told[-1]["fields"] == ["disabled", "email"]
    for secret in (given["password"], PASSWORD, "đoán mò 4711", "kin@example.vn"):
        assert secret not in str(lines)
