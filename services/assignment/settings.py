"""The settings of assignment: `ASSIGNMENT_*`."""

from __future__ import annotations

from typing import Annotated, Self

from joserfc.errors import JoseError
from limits import parse
from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.assignment.directory.tokens import read_signing_key
from shared.settings import ServiceSettings
from shared.web.auth import public_key_set


def _is_limit(text: str) -> str:
    try:
        parse(text)
    except ValueError:
        raise ValueError("not a limit, such as: 10 per 5 minute") from None
    return text


FailureLimit = Annotated[str, AfterValidator(_is_limit)]


class AssignmentSettings(ServiceSettings):
    """The signing key, and what signing in costs and bears."""

    model_config = SettingsConfigDict(env_prefix="ASSIGNMENT_")

    port: Annotated[int, Field(ge=0, le=65_535)] = 8001
    signing_key: SecretStr
    """The private Ed25519 key (JWK, JSON) of the tokens; its public half, by the same `kid`, is among `public_keys`."""
    token_seconds: Annotated[int, Field(ge=60, le=3_600)] = 600
    """How long a token lives; elsewhere than here a disabled account is out only when its token ends."""
    password_memory_kib: Annotated[int, Field(ge=8, le=1_048_576)] = 19 * 1024
    """The memory that hashing one password takes; with `password_passes` the cost of argon2id, as OWASP advises it."""
    password_passes: Annotated[int, Field(ge=1, le=100)] = 2
    failed_sign_ins_per_account: FailureLimit = "10 per 5 minute"
    """Failures with one username from one address; then that pair waits. Successes are never counted."""
    failed_sign_ins_per_address: FailureLimit = "300 per 5 minute"
    """Failures from one address, whatever the username; an office may share one address."""
    gateways: Annotated[int, Field(ge=0, le=10)] = 0
    """How many gateways stand in front, each adding to `X-Forwarded-For`; with none the header proves nothing."""

    @model_validator(mode="after")
    def _signs_what_is_verified(self) -> Self:
        try:
            key = read_signing_key(self.signing_key.get_secret_value())
        except (JoseError, ValueError, TypeError):
            raise ValueError("ASSIGNMENT_SIGNING_KEY is no private Ed25519 key with an id") from None
        halves = [
            public.as_dict(private=False)["x"]
            for public in public_key_set(self.public_keys).keys
            if public.kid == key.kid
        ]
        if key.as_dict(private=False)["x"] not in halves:
            raise ValueError("ASSIGNMENT_SIGNING_KEY has no public half among the public keys")
        return self
