"""The first account: made by a command, before the service ever ran."""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
from contextlib import closing
from dataclasses import dataclass

import httpx2
import orjson
import pytest

from deploy.local.servers import Servers
from services.assignment.administrator import create_administrator, reset_password
from services.assignment.app import build
from shared.messaging.topology import events_queue
from shared.mongo import connect
from tests.support.directory import KEYS, settings_for
from tests.support.messaging import messages_in, wait_until
from tests.support.servers import Database, Vhost

PASSWORD = "mật khẩu đầu tiên"


@dataclass(frozen=True)
class Ended:
    code: int | None
    out: str
    err: str


async def command(mongodb_uri: str, mongodb_database: str, *arguments: str, typed: str, **others: str) -> Ended:
    settings = {
        "ASSIGNMENT_MODE": "local",
        "ASSIGNMENT_MONGODB_URI": mongodb_uri,
        "ASSIGNMENT_MONGODB_DATABASE": mongodb_database,
        "ASSIGNMENT_AMQP_URL": "amqp://127.0.0.1:1/",
        "ASSIGNMENT_PUBLIC_KEYS": KEYS.public_keys,
        "ASSIGNMENT_SIGNING_KEY": KEYS.signing_key,
        "ASSIGNMENT_PASSWORD_MEMORY_KIB": "8",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.assignment", *arguments),
        env={**os.environ, **settings, **others},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    return Ended(process.returncode, out.decode(), err.decode())


async def test_the_first_administrator_is_made_before_the_service_ever_ran(
    servers: Servers, database: Database, vhost: Vhost
) -> None:
    create = ("create-administrator", "--username", "quan.tri", "--display-name", "Quản trị hệ thống")
    first = await command(database.uri, database.name, *create, typed=f"{PASSWORD}\n")
    again = await command(database.uri, database.name, *create, typed="một mật khẩu khác\n")
    assert (first.code, first.out, first.err) == (0, "administrator quan.tri created\n", "")
    assert (again.code, again.out, again.err) == (0, "quan.tri exists already\n", "")
    client = connect(database.uri, "tests")
    accounts = client[database.name]["accounts"]
    [account] = await accounts.find({}).to_list(None)
    assert (account["_id"], account["role"], account["version"]) == ("quan.tri", "administrator", 1)
    assert account["pending_since"] is not None
    assert PASSWORD not in str(account) + first.out + first.err

    app = build(settings_for(database.uri, database.name, vhost.amqp_url))
    async with app.router.lifespan_context(app):
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://assignment") as http:
            form = {"grant_type": "password", "username": "quan.tri", "password": PASSWORD}
            token = (await http.post("/v1/auth/token", data=form)).json()["access_token"]
            me = await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert me.json()["display_name"] == "Quản trị hệ thống"

        async def is_sent() -> bool:
            return await accounts.find_one({"pending_since": {"$exists": True}}) is None

        await wait_until(is_sent, "what tells of the account is published")
    client.close()
    [message] = await messages_in(vhost.amqp_url, events_queue("reporting"))
    assert orjson.loads(message.body)["id"] == "account:quan.tri:1"


async def typed_here(monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, username: str, typed: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    settings = settings_for(mongodb_uri, "none", "amqp://127.0.0.1:1/")
    return await asyncio.to_thread(create_administrator, settings, username, None)


@pytest.mark.parametrize(
    ("username", "typed", "named"),
    [
        ("quan.tri", "ngắn\n", "password"),
        ("quan.tri", "Matkhau@123\n", "password"),
        ("Quan Tri", f"{PASSWORD}\n", "username"),
    ],
)
async def test_what_is_not_in_order_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], username: str, typed: str, named: str
) -> None:
    assert await typed_here(monkeypatch, "mongodb://127.0.0.1:1/", username, typed) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"refused: {named} not in order")
    assert said.count("\n") == 1
    assert typed.strip() not in said


async def test_a_database_that_is_away_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await typed_here(monkeypatch, "mongodb://127.0.0.1:1/", "quan.tri", f"{PASSWORD}\n") == 69
    assert capsys.readouterr().err == "MongoDB does not answer\n"


async def test_a_lost_password_is_replaced_on_the_machine(database: Database, vhost: Vhost) -> None:
    """Also that of the last administrator, whom nobody else could let in again; a name is taken in any case."""
    create = ("create-administrator", "--username", "quan.tri")
    await command(database.uri, database.name, *create, typed=f"{PASSWORD}\n")
    reset = await command(database.uri, database.name, "reset-password", "--username", " Quan.Tri ", typed="")
    assert reset.code == 0
    assert re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}\n", reset.out)
    assert reset.err.startswith("the one-time password of quan.tri, valid until ")
    given = reset.out.strip()
    app = build(settings_for(database.uri, database.name, vhost.amqp_url))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://assignment") as http,
    ):
        form = {"grant_type": "password", "username": "quan.tri", "password": PASSWORD}
        assert (await http.post("/v1/auth/token", data=form)).status_code == 401
        token = (await http.post("/v1/auth/token", data=form | {"password": given})).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await http.get("/v1/me", headers=bearer)).json()["must_change_password"] is True
        assert (await http.get("/v1/accounts", headers=bearer)).json()["code"] == "password-change-required"


async def test_a_disabled_account_gets_a_password_and_stays_disabled(database: Database) -> None:
    create = ("create-administrator", "--username", "nghi.viec")
    await command(database.uri, database.name, *create, typed=f"{PASSWORD}\n")
    with closing(connect(database.uri, "tests")) as client:
        accounts = client[database.name]["accounts"]
        await accounts.update_one({"_id": "nghi.viec"}, {"$set": {"disabled": True}})
        await accounts.insert_one((await accounts.find_one({}) or {}) | {"_id": "may", "role": "service"})
        reset = await command(database.uri, database.name, "reset-password", "--username", "nghi.viec", typed="")
        assert (reset.code, reset.err.splitlines()[1][:21]) == (0, "nghi.viec is disabled")
        assert (await accounts.find_one({"_id": "nghi.viec"}) or {})["disabled"] is True
        for username, said in (("may", "a program has a secret, no password"), ("ai", "no account has this name")):
            refused = await command(database.uri, database.name, "reset-password", "--username", username, typed="")
            assert (refused.code, refused.out, refused.err) == (2, "", f"refused: {said}\n")


async def test_a_reset_without_mongodb_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_for("mongodb://127.0.0.1:1/", "none", "amqp://127.0.0.1:1/")
    assert await asyncio.to_thread(reset_password, settings, "quan.tri") == 69
    assert capsys.readouterr().err == "MongoDB does not answer\n"
