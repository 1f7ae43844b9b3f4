"""The secrets of a production stack: enough for each service, kept when made again, nobody else's."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.compose.secrets import make_secrets
from deploy.services import SERVICES

_LOADED = {
    "assignment": "services.assignment.settings:AssignmentSettings",
    "deadline": "services.deadline.settings:DeadlineSettings",
    "notification": "services.notification.settings:NotificationSettings",
    "reporting": "services.reporting.settings:ReportingSettings",
}
_PROGRAM = """
import importlib, sys
from shared.settings import load
module, _, name = sys.argv[1].partition(":")
settings = load(getattr(importlib.import_module(module), name))
print(settings.mode.value)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compose") / "secrets"
    make_secrets(path)
    return path


@pytest.mark.parametrize("service", SERVICES)
def test_production_mode_takes_them(service: str, folder: Path) -> None:
    prefix = service.upper()
    environment = {f"{prefix}_SECRETS_DIR": str(folder), f"{prefix}_PUBLIC_KEYS_FILE": str(folder / "public_keys")}
    command = [sys.executable, "-c", _PROGRAM, _LOADED[service]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "production\n", "")


def test_what_is_there_is_kept(folder: Path) -> None:
    before = {path.name: path.read_text() for path in folder.iterdir()}
    make_secrets(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_the_folder_is_closed_to_others(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0


def test_each_broker_user_has_the_password_of_its_url_and_no_tag(folder: Path) -> None:
    definitions = json.loads((folder / "rabbitmq_definitions").read_text())
    for user in definitions["users"]:
        password = (folder / f"{user['name']}_amqp_url").read_text().split("@")[0].rsplit(":", 1)[1]
        stored = base64.b64decode(user["password_hash"])
        assert stored[4:] == hashlib.sha256(stored[:4] + password.encode()).digest()
        assert user["tags"] == ""
    assert {permission["vhost"] for permission in definitions["permissions"]} == {"dondoc"}


def test_no_two_services_share_a_secret(folder: Path) -> None:
    urls = [(folder / f"{service}_{kind}").read_text() for service in SERVICES for kind in ("mongodb_uri", "amqp_url")]
    assert len({url.split("@")[0].rsplit(":", 1)[1] for url in urls}) == len(urls)
