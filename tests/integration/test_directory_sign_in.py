"""Signing in, tokens, and what is answered to those who cannot prove who they are."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from deploy.local.servers import Servers
from services.assignment.directory.passwords import Passwords
from services.assignment.directory.rules.account import Account
from shared.clock import true_now
from shared.office.vocabulary import Role
from shared.web.auth import Verifier
from tests.support.directory import FINANCE, KEYS, PASSWORD, AssignmentService, running_assignment
from tests.support.tokens import TestKeys

TOKEN = "/v1/auth/token"
NEW_PASSWORD = "mật khẩu còn dài hơn"


@pytest.fixture(scope="module")
async def service(servers: Servers) -> AsyncIterator[AssignmentService]:
    async with running_assignment(servers) as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(username: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()}


async def secret_of(service: AssignmentService, username: str) -> str:
    answer = await service.post(f"/v1/accounts/{username}/secret", None)
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json()) == {"username", "secret"}
    return str(answer.json()["secret"])


async def a_program(service: AssignmentService, username: str) -> str:
    await service.add(Account(username, "Phần mềm", Role.SERVICE, FINANCE))
    return await secret_of(service, username)


async def test_a_person_signs_in_and_every_service_understands_the_token(service: AssignmentService) -> None:
    answer = await service.sign_in("giam.doc")
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    published = (await service.http.get("/.well-known/jwks.json")).json()
    assert "d" not in published["keys"][0]
    principal = Verifier(json.dumps(published)).verify(body["access_token"])
    assert (principal.username, principal.role, principal.agency) == ("giam.doc", Role.HEAD, FINANCE)
    assert (await service.http.get("/v1/me", headers=bearer(body["access_token"]))).json()["username"] == "giam.doc"


async def test_signing_in_often_with_the_right_password_is_never_limited(service: AssignmentService) -> None:
    answers = [await service.sign_in("chu.tich") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}


async def test_nobody_learns_why_signing_in_failed(service: AssignmentService) -> None:
    await service.add(Account("nghi.viec", "Đã nghỉ", Role.LEADER, disabled=True))
    answers = [
        await service.sign_in("van.thu", "sai mật khẩu"),
        await service.sign_in("khong.co", PASSWORD),
        await service.sign_in("nghi.viec", PASSWORD),
        await service.sign_in("phan.mem", PASSWORD),
        await service.sign_in('{"$gt": ""}', PASSWORD),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["code"] == "not-authenticated"
    assert answers[0].json()["error"] == "invalid_grant"
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert answers[0].headers["Content-Type"] == "application/problem+json"


async def test_an_unknown_name_costs_the_same_work(service: AssignmentService, monkeypatch: pytest.MonkeyPatch) -> None:
    work: list[str] = []
    verifies = Passwords._verifies

    def counted(self: Passwords, stored: str, password: bytes) -> bool:
        work.append(stored.split("$")[3])
        return verifies(self, stored, password)

    monkeypatch.setattr(Passwords, "_verifies", counted)
    await service.sign_in("kiem.tra", "sai mật khẩu")
    await service.sign_in("khong.co.ai", "sai mật khẩu")
    assert work == ["m=8,t=1,p=1"] * 2


async def test_after_too_many_failures_one_waits(service: AssignmentService) -> None:
    await service.add(Account("bi.do", "Bị dò", Role.LEADER))
    for _ in range(3):
        assert (await service.sign_in("bi.do", "sai mật khẩu")).status_code == 401
    limited = await service.sign_in("bi.do")
    assert (limited.status_code, limited.json()["code"]) == (429, "rate-limited")
    assert 295 < int(limited.headers["Retry-After"]) <= 301
    elsewhere = httpx2.ASGITransport(service.app, client=("10.1.2.3", 1))
    async with httpx2.AsyncClient(transport=elsewhere, base_url="http://assignment") as other:
        form = {"grant_type": "password", "username": "bi.do", "password": PASSWORD}
        assert (await other.post(TOKEN, data=form)).status_code == 200


async def fails_from(http: httpx2.AsyncClient, forwarded: str, username: str) -> int:
    """Fail to sign in with what the gateway says of where it comes from, and return the status."""
    form = {"grant_type": "password", "username": username, "password": "sai mật khẩu"}
    return (await http.post(TOKEN, data=form, headers={"X-Forwarded-For": forwarded})).status_code


async def test_without_a_gateway_nobody_says_where_they_come_from(service: AssignmentService) -> None:
    statuses = [await fails_from(service.http, f"10.0.0.{number}", "ai.do") for number in range(4)]
    assert statuses == [401, 401, 401, 429]


async def test_behind_a_gateway_failures_count_by_the_address_it_was_called_from(servers: Servers) -> None:
    async with running_assignment(servers, gateways=1) as service:
        from_one = [await fails_from(service.http, f"10.0.0.{number}, 10.1.1.1", "ai.do") for number in range(4)]
        assert from_one == [401, 401, 401, 429]
        assert await fails_from(service.http, "10.1.1.1, 10.1.1.2", "ai.do") == 401


async def test_a_call_past_the_gateway_counts_by_its_own_address(servers: Servers) -> None:
    async with running_assignment(servers, gateways=2) as service:
        statuses = [await fails_from(service.http, f"10.0.0.{number}", "ai.do") for number in range(4)]
    assert statuses == [401, 401, 401, 429]


MALFORMED: list[tuple[dict[str, str], str, str]] = [
    ({}, "grant_type", "invalid_request"),
    ({"grant_type": "implicit"}, "grant_type", "unsupported_grant_type"),
    ({"grant_type": "refresh_token", "client_secret": "x"}, "client_id", "invalid_request"),
    ({"grant_type": "refresh_token", "client_id": "web"}, "client_secret", "invalid_request"),
    ({"grant_type": "password", "password": "x"}, "username", "invalid_request"),
    ({"grant_type": "password", "username": "giam.doc"}, "password", "invalid_request"),
    ({"grant_type": "password", "username": "giam.doc", "password": ""}, "password", "invalid_request"),
    ({"grant_type": "client_credentials", "client_secret": "x"}, "client_id", "invalid_request"),
    ({"grant_type": "client_credentials", "client_id": "phan.mem"}, "client_secret", "invalid_request"),
]


@pytest.mark.parametrize(("form", "field", "error"), MALFORMED)
async def test_a_malformed_form_says_what_is_missing(
    service: AssignmentService, form: dict[str, str], field: str, error: str
) -> None:
    answer = await service.http.post(TOKEN, data=form)
    body = answer.json()
    assert (answer.status_code, body["code"], body["error"]) == (422, "validation", error)
    assert [problem["field"] for problem in body["errors"]] == [field]


async def test_only_a_form_signs_in(service: AssignmentService) -> None:
    answer = await service.http.post(TOKEN, json={"grant_type": "password", "username": "u", "password": "p"})
    assert answer.status_code == 415
    large = await service.http.post(TOKEN, data={"grant_type": "password", "password": "x" * 20_000})
    assert large.status_code == 413
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    broken = await service.http.post(
        TOKEN, content=b"grant_type=password&username=%ff%fe&password=\xff", headers=headers
    )
    assert broken.status_code in {401, 422}


async def test_a_program_signs_in_by_form_and_by_basic(service: AssignmentService) -> None:
    secret = await a_program(service, "may.a")
    grant = {"grant_type": "client_credentials"}
    by_form = await service.http.post(TOKEN, data=grant | {"client_id": "may.a", "client_secret": secret})
    by_basic = await service.http.post(TOKEN, data=grant, headers=basic("may.a", secret))
    for answer in (by_form, by_basic):
        assert answer.status_code == 200
        me = await service.http.get("/v1/me", headers=bearer(answer.json()["access_token"]))
        assert (me.json()["username"], me.json()["role"]) == ("may.a", "service")


async def test_a_new_secret_replaces_the_old(service: AssignmentService) -> None:
    old = await a_program(service, "may.b")
    new = await secret_of(service, "may.b")
    grant = {"grant_type": "client_credentials"}
    refused = await service.http.post(TOKEN, data=grant, headers=basic("may.b", old))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert (await service.http.post(TOKEN, data=grant, headers=basic("may.b", new))).status_code == 200
    assert new not in str(await service.stored("accounts", "may.b"))


async def test_a_program_without_the_right_secret_is_refused(service: AssignmentService) -> None:
    await service.add(Account("may.c", "Chưa có khóa", Role.SERVICE, FINANCE))
    grant = {"grant_type": "client_credentials"}
    answers = [
        await service.http.post(TOKEN, data=grant, headers=basic("may.c", "x")),
        await service.http.post(TOKEN, data=grant, headers=basic("giam.doc", PASSWORD)),
        await service.http.post(TOKEN, data=grant, headers={"Authorization": "Basic ???"}),
        await service.http.post(TOKEN, data=grant, headers={"Authorization": "Bearer x"}),
    ]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(401, "invalid_client")}
    twice = grant | {"client_id": "may.c", "client_secret": "x"}
    assert (await service.http.post(TOKEN, data=twice, headers=basic("may.c", "x"))).status_code == 422


async def test_a_person_has_no_secret(service: AssignmentService) -> None:
    answer = await service.post("/v1/accounts/giam.doc/secret", None)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "username")
    assert (await service.post("/v1/accounts/nobody/secret", None)).status_code == 404


async def test_a_disabled_account_is_out_at_once_and_back_when_enabled(service: AssignmentService) -> None:
    await service.add(Account("tam.nghi", "Tạm nghỉ", Role.LEADER))
    headers = bearer((await service.sign_in("tam.nghi")).json()["access_token"])
    assert (await service.http.get("/v1/me", headers=headers)).status_code == 200
    await service.patch("/v1/accounts/tam.nghi", {"disabled": True})
    out = await service.http.get("/v1/me", headers=headers)
    assert (out.status_code, out.json()["code"]) == (401, "not-authenticated")
    await service.patch("/v1/accounts/tam.nghi", {"disabled": False})
    assert (await service.http.get("/v1/me", headers=headers)).status_code == 401
    again = bearer((await service.sign_in("tam.nghi")).json()["access_token"])
    assert (await service.http.get("/v1/me", headers=again)).status_code == 200


async def test_the_role_held_now_is_what_counts(service: AssignmentService) -> None:
    await service.add(Account("duoc.giao", "Được giao", Role.AUDITOR))
    headers = bearer((await service.sign_in("duoc.giao")).json()["access_token"])
    body = {"code": "moi-giao", "name": "M", "kind": "unit"}
    assert (await service.http.post("/v1/agencies", json=body, headers=headers)).status_code == 403
    await service.patch("/v1/accounts/duoc.giao", {"role": "administrator"})
    assert (await service.http.post("/v1/agencies", json=body, headers=headers)).status_code == 201


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def claims_of(**others: Any) -> dict[str, Any]:
    now = int(true_now().timestamp())
    plain = {"iss": "dondoc", "aud": "dondoc", "sub": "quan.tri", "role": "administrator", "agency": None}
    return plain | {"scopes": [], "iat": now, "exp": now + 600, "jti": "1"} | others


def hmac_with_the_public_key() -> str:
    key = OctKey.import_key(json.dumps(json.loads(KEYS.public_keys)["keys"][0]))
    return jwt.encode({"alg": "HS256", "kid": "test-key"}, claims_of(), key, algorithms=["HS256"])


def changed_in_the_middle() -> str:
    header, _, signature = KEYS.sign(claims_of(sub="can.bo")).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims_of()).encode()).decode().rstrip("=")
    return f"{header}.{body}.{signature}"


BAD_TOKENS = {
    "none": forged({"alg": "none", "kid": "test-key"}, claims_of()),
    "None": forged({"alg": "None", "kid": "test-key"}, claims_of()),
    "no signature": forged({"alg": "Ed25519", "kid": "test-key"}, claims_of()),
    "hmac": hmac_with_the_public_key(),
    "another key": TestKeys().sign(claims_of()),
    "another key id": TestKeys("khac").sign(claims_of()),
    "changed": changed_in_the_middle(),
    "another issuer": KEYS.sign(claims_of(iss="evil")),
    "another audience": KEYS.sign(claims_of(aud="other")),
    "no end": KEYS.sign({name: value for name, value in claims_of().items() if name != "exp"}),
    "unknown role": KEYS.sign(claims_of(role="king")),
    "unknown account": KEYS.sign(claims_of(sub="khong.co")),
    "an operator": KEYS.sign(claims_of(sub={"$gt": ""})),
    "expired": KEYS.token_for("quan.tri", Role.ADMINISTRATOR, issued_at=true_now() - timedelta(minutes=11)),
    "empty": "",
    "no token": "a.b.c",
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_bad_token_is_refused_before_the_body_is_read(service: AssignmentService, token: str) -> None:
    answer = await service.http.post("/v1/agencies", content=b"{", headers=bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_one_changes_ones_own_password(service: AssignmentService) -> None:
    await service.add(Account("doi.mk", "Đổi", Role.LEADER))
    wrong = await service.post("/v1/me/password", {"current_password": "sai", "new_password": NEW_PASSWORD}, "doi.mk")
    assert [(e["field"], e["code"]) for e in wrong.json()["errors"]] == [("current_password", "wrong-password")]
    short = await service.post("/v1/me/password", {"current_password": PASSWORD, "new_password": "ngắn"}, "doi.mk")
    assert [(e["field"], e["code"]) for e in short.json()["errors"]] == [("new_password", "too-short")]
    changed = await service.post(
        "/v1/me/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}, "doi.mk"
    )
    assert changed.status_code == 204
    assert (await service.sign_in("doi.mk")).status_code == 401
    assert (await service.sign_in("doi.mk", NEW_PASSWORD)).status_code == 200


async def test_guessing_the_present_password_is_limited_too(service: AssignmentService) -> None:
    await service.add(Account("bi.trom", "Bị trộm", Role.LEADER))
    body = {"current_password": "đoán", "new_password": NEW_PASSWORD}
    answers = [await service.post("/v1/me/password", body, "bi.trom") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]


async def test_a_hash_of_an_older_cost_is_renewed_at_sign_in(service: AssignmentService) -> None:
    await service.add(Account("lau.nam", "Lâu năm", Role.LEADER))
    old = await Passwords(memory_kib=16, passes=1).hash(PASSWORD)
    await service.database["accounts"].update_one({"_id": "lau.nam"}, {"$set": {"password": old}})
    assert (await service.sign_in("lau.nam")).status_code == 200
    assert "m=8,t=1" in (await service.stored("accounts", "lau.nam"))["password"]
    assert (await service.sign_in("lau.nam")).status_code == 200


async def test_no_password_and_no_secret_is_ever_logged_or_stored_or_answered(
    service: AssignmentService, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    password, wrong = "thật là kín 4711", "đoán mò 4711"
    body = {"username": "kin", "display_name": "Kín", "role": "leader", "password": password}
    created = await service.post("/v1/accounts", body)
    refused = await service.post("/v1/accounts", body | {"username": "kin.2", "role": "service", "agency": FINANCE})
    failed = await service.sign_in("kin", wrong)
    signed_in = await service.sign_in("kin", password)
    secret = await a_program(service, "may.kin")
    grant = {"grant_type": "client_credentials"}
    await service.http.post(TOKEN, data=grant, headers=basic("may.kin", secret))
    token = signed_in.json()["access_token"]
    output = capfd.readouterr()
    answers = created.text + refused.text + failed.text + signed_in.text
    logged = caplog.text + output.out + output.err
    stored = str(await service.stored("accounts", "kin")) + str(await service.stored("accounts", "may.kin"))
    for hidden in (password, wrong, secret, basic("may.kin", secret)["Authorization"]):
        assert hidden not in logged
        assert hidden not in stored
        assert hidden not in answers
    assert token not in logged
    assert "/v1/auth/token" in logged
