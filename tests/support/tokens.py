"""Tokens as assignment signs them, with a key of the tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from shared.clock import true_now
from shared.office.vocabulary import Role
from shared.web.auth import ALGORITHM, Claims

_AS_ASSIGNMENT_SIGNS: Final = timedelta(minutes=10)
_LONGER_THAN_ALL_TESTS: Final = timedelta(hours=6)


class TestKeys:
    """A pair of keys. `public_keys` goes into the settings of the service under test."""

    __test__ = False

    def __init__(self, key_id: str = "test-key") -> None:
        self.private = OKPKey.generate_key("Ed25519", {"kid": key_id, "use": "sig", "alg": ALGORITHM})

    @property
    def public_keys(self) -> str:
        """The public half, as the JSON text of a key set."""
        return json.dumps(KeySet([self.private]).as_dict(private=False))

    @property
    def signing_key(self) -> str:
        """The private half, as assignment's settings take it."""
        return json.dumps(self.private.as_dict(private=True))

    def sign(self, claims: dict[str, object]) -> str:
        """Sign any claims, wrong ones too."""
        return jwt.encode({"alg": ALGORITHM, "kid": self.private.kid}, claims, self.private, algorithms=[ALGORITHM])

    def token_for(
        self,
        username: str,
        role: Role,
        agency: str | None = None,
        scopes: Iterable[str] = (),
        *,
        issued_at: datetime | None = None,
        lifetime: timedelta | None = None,
    ) -> str:
        """Return a token. With `issued_at` it lives as long as assignment's tokens, else longer than any run."""
        lives = lifetime or (_AS_ASSIGNMENT_SIGNS if issued_at else _LONGER_THAN_ALL_TESTS)
        issued = int((issued_at or true_now()).timestamp())
        claims = Claims(
            sub=username,
            role=role,
            agency=agency,
            scopes=list(scopes),
            iat=issued,
            exp=issued + int(lives.total_seconds()),
            jti=str(uuid.uuid4()),
        )
        return self.sign(claims.model_dump(mode="json"))

    def headers_for(
        self, username: str, role: Role, agency: str | None = None, scopes: Iterable[str] = ()
    ) -> dict[str, str]:
        """Return the headers of a request by this account."""
        return {"Authorization": f"Bearer {self.token_for(username, role, agency, scopes)}"}
