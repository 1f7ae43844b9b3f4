"""Authentication: the bearer token, which is verified with the public keys, and the principal that it names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final, NamedTuple

import orjson
from fastapi import Depends
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from shared.clock import true_now
from shared.office.access import Principal
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role
from shared.web.http_refusal import HttpRefusal

ISSUER = "dondoc"
AUDIENCE = "dondoc"
ALGORITHM = "Ed25519"
LEEWAY_SECONDS: Final = 30
"""How far the clocks of two machines may be apart: a token is valid this much before and after its time."""
MOST_KEPT: Final = 50_000
_LONGEST_TOKEN = 8_000

Authenticator = Callable[[Request], Awaitable[Principal]]


class Claims(BaseModel):
    """The claims of a token; times are whole seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    iss: str = ISSUER
    aud: str = AUDIENCE
    sub: str = Field(min_length=1)
    role: Role
    agency: str | None = None
    scopes: list[str] = []
    must_change_password: bool = False
    iat: int
    exp: int
    jti: str
    gen: int = 0
    """The generation of the account's tokens, and `sid` the session that the token is of; assignment asks for both."""
    sid: str | None = None

    def principal(self) -> Principal:
        return Principal(self.sub, self.role, self.agency, frozenset(self.scopes), self.must_change_password)


class VerifiedToken(NamedTuple):
    """Whom a token names, the second at which it is no longer accepted, its generation, and its session if any."""

    principal: Principal
    ends_at: int
    generation: int
    session: str | None


class Verifier:
    """Verifies tokens, and keeps them until they end: a signature costs more than the rest of a request.

    When more than `most_kept` are there, the one that was not used for the longest time makes room.
    """

    def __init__(
        self, public_keys: str, clock: Callable[[], datetime] = true_now, *, most_kept: int = MOST_KEPT
    ) -> None:
        self._keys = public_key_set(public_keys)
        self._clock = clock
        self._most_kept = most_kept
        self._kept: OrderedDict[str, VerifiedToken] = OrderedDict()

    def verify(self, token: str) -> Principal:
        """Return the caller; raises as `verified` does."""
        return self.verified(token).principal

    def verified(self, token: str) -> VerifiedToken:
        """Return what a token says.

        Raises:
            Refusal: not-authenticated; it does not say what is wrong with the token.

        """
        verified = self._kept.get(token) or self._read(token)
        if verified.ends_at <= self._now():
            self._kept.pop(token, None)
            raise unauthenticated()
        self._keep(token, verified)
        return verified

    def _read(self, token: str) -> VerifiedToken:
        if len(token) > _LONGEST_TOKEN:
            raise unauthenticated()
        try:
            claims = self._decoded(token)
        except (JoseError, ValidationError, ValueError, TypeError, KeyError, RecursionError):
            raise unauthenticated() from None
        return VerifiedToken(claims.principal(), claims.exp + LEEWAY_SECONDS, claims.gen, claims.sid)

    def _decoded(self, token: str) -> Claims:
        decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
        if "kid" not in decoded.header:
            raise unauthenticated()
        registry = jwt.JWTClaimsRegistry(
            now=self._now,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
        )
        registry.validate(decoded.claims)
        return Claims.model_validate(decoded.claims)

    def _keep(self, token: str, verified: VerifiedToken) -> None:
        self._kept[token] = verified
        self._kept.move_to_end(token)
        if len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def public_key_set(text: str) -> KeySet:
    """Read a JWKS document.

    Raises:
        ValueError: it is not a JWKS document, a key has no id, or a key is private.

    """
    try:
        keys = KeySet.import_key_set(orjson.loads(text))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("not a key set (JWKS) in JSON") from None
    if not keys.keys or any(key.is_private or not key.kid for key in keys.keys):
        raise ValueError("public keys need an id each and no private part")
    return keys


def bearer_token(request: Request) -> str:
    """Return the token of the request.

    Raises:
        Refusal: not-authenticated; the request has no token.

    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal(Code.NOT_AUTHENTICATED)
    return token.strip()


def by_token(verifier: Verifier) -> Authenticator:
    """Authenticate by the token alone; assignment looks up the account as well."""

    async def authenticate(request: Request) -> Principal:
        return verifier.verify(bearer_token(request))

    return authenticate


def unauthenticated() -> HttpRefusal:
    return HttpRefusal(Code.NOT_AUTHENTICATED, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


async def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(_caller)]
