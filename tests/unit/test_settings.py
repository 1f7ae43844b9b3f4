"""Settings: what a service takes, and what it refuses in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from shared.clock import SettableClock, SystemClock
from shared.office.policy import Policy
from shared.settings import Mode, ServiceSettings, load, load_broker
from shared.web.http_policy import HttpPolicy
from tests.support.tokens import TestKeys

KEYS = TestKeys("k1")
GOOD = {
    "PORT": "8001",
    "MONGODB_URI": "mongodb://s3cret@db",
    "AMQP_URL": "amqp://s3cret@mq",
    "PUBLIC_KEYS": KEYS.public_keys,
}
NO_ADDRESSES = ("", "s3cret", "amqp://", "mongodb://", "//s3cret", "http://s3cret", "amqp://[s3cret", "mongodb://:1")


class SampleSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SAMPLE_")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(f"SAMPLE_{name}", value)


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """Hold that the service ends with code 2 after one line without a secret, and return the line."""
    with pytest.raises(SystemExit) as ended:
        load(SampleSettings)
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "s3cret" not in line
    return line


def test_what_is_not_said_has_a_default() -> None:
    settings = load(SampleSettings)
    assert (settings.mode, settings.host, settings.port) == (Mode.PRODUCTION, "127.0.0.1", 8001)
    assert settings.mongodb_database == settings.service() == "sample"
    assert settings.retry_delays == (1, 5, 30, 120, 600)
    assert isinstance(settings.clock(), SystemClock)
    assert settings.office.policy() == Policy()
    assert settings.http.model_dump() == HttpPolicy().model_dump()
    assert "s3cret" not in repr(settings)


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_RETRY_DELAYS", "0.1,0.5")
    monkeypatch.setenv("OFFICE_REMIND_BEFORE", "5,3,1")
    monkeypatch.setenv("OFFICE_EXPLANATION_TERM", "5")
    settings = load(SampleSettings)
    assert settings.retry_delays == (0.1, 0.5)
    assert settings.office.policy() == Policy(remind_before=(5, 3, 1), explanation_term=5)


def test_the_bounds_of_http_are_set_beside_the_names_of_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_BUDGET_SECONDS", "2.5")
    monkeypatch.setenv("HTTP_HEAD_BYTES", "8192")
    for other in ("HTTP_PROXY", "HTTP_HOST", "HTTP_CONNECTION"):
        monkeypatch.setenv(other, "http://proxy:3128")
    http = load(SampleSettings).http
    assert (http.budget_seconds, http.head_bytes, http.body_seconds) == (2.5, 8192, 30)


def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SAMPLE_AMQP_URL")
    monkeypatch.delenv("SAMPLE_PUBLIC_KEYS")
    monkeypatch.setenv("SAMPLE_SECRETS_DIR", str(tmp_path))
    (tmp_path / "sample_amqp_url").write_text("amqp://from-a-file\n")
    (tmp_path / "keys.json").write_text(KEYS.public_keys)
    monkeypatch.setenv("SAMPLE_PUBLIC_KEYS_FILE", str(tmp_path / "keys.json"))
    settings = load(SampleSettings)
    assert settings.amqp_url.get_secret_value() == "amqp://from-a-file"
    assert settings.public_keys == KEYS.public_keys


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SAMPLE_PROT", "1", "SAMPLE_PROT"),
        ("OFFICE_RECEIPT_TERMS", "1", "OFFICE_RECEIPT_TERMS"),
        ("OFFICE_TIMEZONE", "Asia/Hanoi", "OFFICE_TIMEZONE"),
        ("OFFICE_REMIND_BEFORE", "x", "OFFICE_REMIND_BEFORE"),
        ("HTTP_BUDGET_SECONDS", "0", "HTTP_BUDGET_SECONDS"),
        ("HTTP_HEAD_BYTES", "s3cret", "HTTP_HEAD_BYTES"),
        ("HTTP_HEAD_SECOND", "5", "HTTP_HEAD_SECOND"),
        ("SAMPLE_PORT", "s3cret", "SAMPLE_PORT"),
        ("SAMPLE_MODE", "s3cret", "SAMPLE_MODE"),
        ("SAMPLE_RETRY_DELAYS", "5,1", "grow"),
        ("SAMPLE_PUBLIC_KEYS", "s3cret", "SAMPLE_PUBLIC_KEYS"),
        ("SAMPLE_PUBLIC_KEYS", TestKeys("demo-key").public_keys, "SAMPLE_PUBLIC_KEYS is a demo secret"),
        ("SAMPLE_AMQP_URL", "amqp://demo-s3cret", "SAMPLE_AMQP_URL is a demo secret"),
        *(("SAMPLE_AMQP_URL", wrong, "SAMPLE_AMQP_URL: not an address") for wrong in NO_ADDRESSES),
        *(("SAMPLE_MONGODB_URI", wrong, "SAMPLE_MONGODB_URI: not an address") for wrong in NO_ADDRESSES),
        ("SAMPLE_CLOCK_FILE", "/tmp/clock", "SAMPLE_CLOCK_FILE"),  # noqa: S108 - nothing is written
        ("SAMPLE_SECRETS_DIR", "/no/such/folder", "SAMPLE_SECRETS_DIR"),
    ],
)
def test_what_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert said in refused(capsys)


def test_a_broker_that_has_no_address_is_refused_where_it_alone_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAMPLE_AMQP_URL", "")
    with pytest.raises(SystemExit) as ended:
        load_broker(SampleSettings)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("settings refused: SAMPLE_AMQP_URL: not an address, such as amqp://")


def test_a_replica_set_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "mongodb://u:p%40w@db-1:27017,db-2:27017/reporting?replicaSet=rs0"
    monkeypatch.setenv("SAMPLE_MONGODB_URI", uri)
    assert load(SampleSettings).mongodb_uri.get_secret_value() == uri


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SAMPLE_MONGODB_URI")
    monkeypatch.delenv("SAMPLE_PUBLIC_KEYS")
    line = refused(capsys)
    assert "SAMPLE_MONGODB_URI" in line
    assert "SAMPLE_PUBLIC_KEYS" in line


def test_a_file_of_keys_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SAMPLE_PUBLIC_KEYS")
    monkeypatch.setenv("SAMPLE_PUBLIC_KEYS_FILE", "/no/such/file")
    assert "keys" in refused(capsys)


def test_the_local_stack_may_move_the_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAMPLE_MODE", "local")
    monkeypatch.setenv("SAMPLE_AMQP_URL", "amqp://demo-s3cret")
    monkeypatch.setenv("SAMPLE_CLOCK_FILE", str(tmp_path / "clock"))
    (tmp_path / "clock").write_text("2017-01-20T08:00:00+07:00")
    clock = load(SampleSettings).clock()
    assert isinstance(clock, SettableClock)
    assert clock.now().date() == datetime(2017, 1, 20, tzinfo=UTC).date()
