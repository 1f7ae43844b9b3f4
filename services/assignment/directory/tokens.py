"""Short-lived tokens, which every service verifies by itself with the public keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from joserfc import jwt
from joserfc.jwk import OKPKey

from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.session import Session
from shared.clock import true_now
from shared.web.auth import ALGORITHM, Claims


def read_signing_key(text: str) -> OKPKey:
    """Read the private key (JWK, in JSON) that signs the tokens.

    Raises:
        ValueError: it is not a private Ed25519 key, or has no id.
        JoseError: it is not a key at all.

    """
    key = OKPKey.import_key(orjson.loads(text))
    if not key.is_private or key.curve_name != ALGORITHM or not key.kid:
        raise ValueError("no private Ed25519 key with an id")
    return key


class IssuedToken(NamedTuple):
    """A signed token, and for how many seconds it is valid."""

    text: str
    expires_in: int


class TokenIssuer:
    """Signs tokens with a private Ed25519 key (JWK, in JSON); its `kid` names the public key that verifies them."""

    def __init__(self, signing_key: str, lifetime: timedelta, now: Callable[[], datetime] = true_now) -> None:
        self._key = read_signing_key(signing_key)
        self._header = {"alg": ALGORITHM, "kid": self._key.kid}
        self._seconds = int(lifetime.total_seconds())
        self._now = now

    def issue(self, account: Account, session: Session | None = None) -> IssuedToken:
        """Return a token for the account; it says whether the password must be changed, and ends with its session."""
        now = self._now()
        issued_at = int(now.timestamp())
        seconds = self._seconds if session is None else min(self._seconds, session.seconds_left(now))
        claims = Claims(
            sub=account.username,
            role=account.role,
            agency=account.agency,
            scopes=sorted(account.scopes),
            must_change_password=account.must_change_password,
            iat=issued_at,
            exp=issued_at + seconds,
            jti=secrets.token_urlsafe(16),
            gen=account.tokens_from if session is None else session.generation,
            sid=None if session is None else session.id,
        )
        text = jwt.encode(self._header, claims.model_dump(mode="json"), self._key, algorithms=[ALGORITHM])
        return IssuedToken(text, seconds)
