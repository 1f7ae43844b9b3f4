"""The secrets of a stack: made once and kept in its folder, where only its owner can read them."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from shared.settings import DEMO_MARK


def new_password() -> str:
    """Make a password that production mode refuses."""
    return DEMO_MARK + secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Credentials:
    """All secrets are derived from one seed and one signing key."""

    seed: str
    signing_jwk: dict[str, Any]

    @classmethod
    def new(cls) -> "Credentials":
        key = OKPKey.generate_key("Ed25519", parameters={"kid": DEMO_MARK + secrets.token_hex(4)}, private=True)
        return cls(secrets.token_urlsafe(32), dict(key.as_dict(private=True)))

    @classmethod
    def kept_in(cls, path: Path) -> "Credentials":
        """Read the secrets from a file, or make them and write the file the first time."""
        if path.exists():
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        made = cls.new()
        write_private(path, json.dumps(asdict(made)))
        return made

    def password_of(self, name: str) -> str:
        """Return the password of an account or user. It is the same each time, so loading a demo can be resumed."""
        digest = hmac.digest(self.seed.encode(), name.encode(), hashlib.sha256)
        return DEMO_MARK + base64.urlsafe_b64encode(digest[:15]).decode()

    @property
    def signing_key(self) -> str:
        """The private key of the tokens, as a JWK."""
        return json.dumps(self.signing_jwk)

    @property
    def web_client_secret(self) -> str:
        """The secret by which the web pages prove to assignment that they are themselves."""
        return self.password_of("web client")

    @property
    def public_keys(self) -> str:
        """The public key of the tokens, as a JWKS."""
        return json.dumps({"keys": [OKPKey.import_key(self.signing_jwk).as_dict(private=False)]})


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read. It appears complete or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)
