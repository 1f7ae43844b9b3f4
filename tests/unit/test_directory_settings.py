"""Settings of assignment that cannot work are refused in one line, without their values."""

from __future__ import annotations

import json

import pytest

from deploy.local.credentials import Credentials
from services.assignment.settings import AssignmentSettings
from shared.settings import load
from tests.support.tokens import TestKeys

KEYS = TestKeys()
OTHER_KEYS = TestKeys()
PUBLIC_KEY = json.dumps(json.loads(KEYS.public_keys)["keys"][0])
NO_KEY = "ASSIGNMENT_SIGNING_KEY is no private Ed25519 key with an id"
WORKING = {
    "ASSIGNMENT_MODE": "local",
    "ASSIGNMENT_MONGODB_URI": "mongodb://x",
    "ASSIGNMENT_AMQP_URL": "amqp://x",
    "ASSIGNMENT_PUBLIC_KEYS": KEYS.public_keys,
    "ASSIGNMENT_SIGNING_KEY": KEYS.signing_key,
}


def read(monkeypatch: pytest.MonkeyPatch, **others: str) -> AssignmentSettings:
    for name, value in (WORKING | others).items():
        monkeypatch.setenv(name, value)
    return load(AssignmentSettings)


def test_what_works_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert (settings.port, settings.token_seconds, settings.password_memory_kib) == (8001, 600, 19456)
    assert KEYS.signing_key not in repr(settings)
    assert (settings.session_hours, settings.web_client_secret) == (12, None)


def test_the_secret_of_the_pages_is_never_the_demos_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = Credentials.new().web_client_secret
    monkeypatch.setenv("ASSIGNMENT_WEB_CLIENT_SECRET", secret)
    settings = read(monkeypatch)
    assert settings.web_client_secret is not None
    assert secret not in repr(settings)
    with pytest.raises(SystemExit):
        read(monkeypatch, ASSIGNMENT_MODE="production")
    line = capsys.readouterr().err
    assert "ASSIGNMENT_WEB_CLIENT_SECRET is a demo secret, which production mode refuses" in line
    assert secret not in line


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASSIGNMENT_SIGNING_KEY", "{}", NO_KEY),
        ("ASSIGNMENT_SIGNING_KEY", "khóa", NO_KEY),
        ("ASSIGNMENT_SIGNING_KEY", PUBLIC_KEY, NO_KEY),
        (
            "ASSIGNMENT_SIGNING_KEY",
            OTHER_KEYS.signing_key,
            "ASSIGNMENT_SIGNING_KEY has no public half among the public",
        ),
        ("ASSIGNMENT_FAILED_SIGN_INS_PER_ACCOUNT", "many", "not a limit, such as: 10 per 5 minute"),
        ("ASSIGNMENT_FAILED_SIGN_INS_PER_NAME", "some", "not a limit, such as: 10 per 5 minute"),
        ("ASSIGNMENT_WEB_CLIENT_SECRET", "short", "ASSIGNMENT_WEB_CLIENT_SECRET: Value should have at least 24"),
        ("ASSIGNMENT_SESSION_HOURS", "-1", "ASSIGNMENT_SESSION_HOURS: Input should be greater than 0"),
        ("ASSIGNMENT_SESSION_HOURS", "169", "ASSIGNMENT_SESSION_HOURS: Input should be less than or equal to 168"),
        ("ASSIGNMENT_SIGN_IN_DELAY_SECONDS", "60", "ASSIGNMENT_SIGN_IN_DELAY_SECONDS: Input should be less"),
    ],
)
def test_what_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(monkeypatch, **{name: value})
    line = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in line
    assert line.count("\n") == 1
    assert value not in line.removeprefix("settings refused: ") or value == "{}"
