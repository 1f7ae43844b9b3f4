"""Who has a one-time password is refused by every path of every service; assignment's own are in integration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from services.assignment.directory.rules.account import Account
from services.assignment.directory.tokens import TokenIssuer
from services.deadline.app import build as build_deadline
from services.deadline.settings import DeadlineSettings
from services.notification.app import build as build_notification
from services.notification.settings import NotificationSettings
from services.reporting.app import build as build_reporting
from services.reporting.settings import ReportingSettings
from shared.office.access import Permission, Principal, may
from shared.office.vocabulary import Role, Scope
from shared.settings import Mode
from tests.support.tokens import TestKeys

KEYS = TestKeys()
NOWHERE: dict[str, Any] = {
    "mode": Mode.LOCAL,
    "mongodb_uri": "mongodb://127.0.0.1:1/",
    "amqp_url": "amqp://127.0.0.1:1/",
    "public_keys": KEYS.public_keys,
}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Return the method and path of every route that asks who calls, with a value for each parameter."""
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "security" in operation
    ]


def headers_of(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {TokenIssuer(KEYS.signing_key, timedelta(minutes=10)).issue(account).text}"}


@pytest.mark.parametrize(
    "build",
    [
        lambda: build_deadline(DeadlineSettings(**NOWHERE)),
        lambda: build_notification(NotificationSettings(**NOWHERE)),
        lambda: build_reporting(ReportingSettings(**NOWHERE)),
    ],
    ids=["deadline", "notification", "reporting"],
)
async def test_the_other_services_read_it_in_the_token(build: Callable[[], FastAPI]) -> None:
    app = build()
    routes = routes_of(app)
    assert routes
    given = headers_of(Account("moi", "Mới", Role.LEADER, one_time_until=datetime(2026, 10, 8, tzinfo=UTC)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://it") as http:
        for method, path in routes:
            answer = await http.request(method, path, headers=given)
            assert (answer.status_code, answer.json()["code"]) == (403, "password-change-required"), (method, path)
        own = await http.get("/v1/nowhere", headers=given)
        assert own.status_code == 404


NOTHING_WITHOUT_SCOPE = set(Permission) - {Permission.READ_AGENCIES}


@pytest.mark.parametrize("permission", sorted(Permission))
def test_a_program_without_scopes_has_the_agencies_and_nothing_else(permission: Permission) -> None:
    assert may(Principal("pm", Role.SERVICE, "STC"), permission) is (permission not in NOTHING_WITHOUT_SCOPE)


@pytest.mark.parametrize("scope", [*Scope])
def test_a_program_with_a_scope_reads_accounts_and_the_calendar(scope: Scope) -> None:
    program = Principal("pm", Role.SERVICE, "STC", frozenset({scope}))
    assert may(program, Permission.READ_ACCOUNTS)
    assert may(program, Permission.READ_CALENDAR)
    assert may(program, Permission.READ_TASKS) is (scope is Scope.TASKS_READ)
    assert may(program, Permission.ACT_ON_TASKS) is (scope is Scope.TASKS_ACT)
