"""Makes the secrets of a production stack, once: `python -m deploy.compose.secrets FOLDER`.

Each secret is a file, and only the container that needs it gets it. A secret that exists already is kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from joserfc.jwk import KeySet, OKPKey

from deploy.broker_rights import topic_rights
from deploy.private_folder import OpenFolderError, keep_private
from deploy.replica_set import REPLICA_SET, new_key
from deploy.services import SERVICES

VHOST: Final = "dondoc"


def make_secrets(folder: Path) -> None:
    """Write every secret that is missing. Only the owner can open the folder; containers can read the mounted files."""
    keep_private(folder, {"mongodb_key"})
    _keep(folder / "mongodb_key", new_key)
    _keep(folder / "mongodb_password", _password)
    _keep(folder / "grafana_password", _password)
    _keep(folder / "web_client_secret", _password)
    key = OKPKey.import_key(json.loads(_keep(folder / "assignment_signing_key", _signing_key)))
    _keep(folder / "public_keys", lambda: json.dumps(KeySet([key]).as_dict(private=False)))
    for service in SERVICES:
        _keep(folder / f"{service}_mongodb_uri", lambda name=service: _mongodb_uri(name))  # type: ignore[misc]
        _keep(folder / f"{service}_amqp_url", lambda name=service: _amqp_url(name))  # type: ignore[misc]
    _keep(folder / "rabbitmq_definitions", lambda: json.dumps(_definitions(folder)))


def _keep(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        path.write_text(make(), encoding="utf-8")
        # Containers read it as another user. The folder keeps other users of the machine out.
        path.chmod(0o444)
    return path.read_text(encoding="utf-8")


def _password() -> str:
    return secrets.token_urlsafe(32)


def _signing_key() -> str:
    identifier = secrets.token_hex(8)
    return json.dumps(OKPKey.generate_key("Ed25519", {"kid": identifier, "use": "sig"}).as_dict(private=True))


def _mongodb_uri(service: str) -> str:
    options = f"replicaSet={REPLICA_SET}&authSource={service}"
    return f"mongodb://{service}:{_password()}@mongodb:27017/{service}?{options}"


def _amqp_url(service: str) -> str:
    return f"amqp://{service}:{_password()}@rabbitmq:5672/{VHOST}"


def _definitions(folder: Path) -> dict[str, Any]:
    """Return the broker's users: each may use the one virtual host and publish its own events, and none may manage."""
    urls = {service: (folder / f"{service}_amqp_url").read_text(encoding="utf-8") for service in SERVICES}
    passwords = {service: url.split("@")[0].rsplit(":", 1)[1] for service, url in urls.items()}
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": VHOST}],
        "users": [_user(service, password) for service, password in passwords.items()],
        "permissions": [{"user": service, "vhost": VHOST, **everything} for service in SERVICES],
        "topic_permissions": [{"user": service, "vhost": VHOST, **topic_rights(service)} for service in SERVICES],
    }


def _user(name: str, password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {"name": name, "password_hash": digest, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}


if __name__ == "__main__":
    try:
        make_secrets(Path(sys.argv[1] if len(sys.argv) > 1 else "secrets"))
    except OpenFolderError as error:
        sys.exit(f"secrets: {error}")
