"""The settings of assignment: `ASSIGNMENT_*`."""

from __future__ import annotations

from typing import Annotated, Self

from joserfc.errors import JoseError
from limits import parse
from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.assignment.directory.quality import SHORTEST
from services.assignment.directory.tokens import read_signing_key
from shared.settings import ServiceSettings
from shared.web.auth import public_key_set


def _require_limit(text: str) -> str:
    try:
        parse(text)
    except ValueError:
        raise ValueError("not a limit, such as: 10 per 5 minute") from None
    return text


FailureLimit = Annotated[str, AfterValidator(_require_limit)]


class AssignmentSettings(ServiceSettings):
    """The signing key of tokens, and the cost and limits of signing in."""

    model_config = SettingsConfigDict(env_prefix="ASSIGNMENT_")

    port: Annotated[int, Field(ge=0, le=65_535)] = 8001
    signing_key: SecretStr
    """The private Ed25519 key (JWK, JSON) that signs tokens; `public_keys` has its public half, of the same `kid`."""
    token_seconds: Annotated[int, Field(ge=60, le=3_600)] = 600
    """How long a token is valid; until then, and 30 s longer, the other services accept that of a disabled account."""
    session_hours: Annotated[float, Field(gt=0, le=168)] = 12
    """How long after signing in a session ends by itself."""
    web_client_secret: Annotated[SecretStr, Field(min_length=24)] | None = None
    """The secret of the web pages, which alone get sessions; without it nobody does."""
    password_memory_kib: Annotated[int, Field(ge=8, le=1_048_576)] = 19 * 1024
    """The memory to hash one password; with `password_passes` it is the cost of argon2id that OWASP recommends."""
    password_passes: Annotated[int, Field(ge=1, le=100)] = 2
    password_length: Annotated[int, Field(ge=8, le=64)] = SHORTEST
    """How many characters a new password has at least."""
    one_time_password_hours: Annotated[int, Field(ge=1, le=720)] = 72
    """How long a one-time password is valid."""
    failed_sign_ins_per_account: FailureLimit = "10 per 5 minute"
    """Failed sign-ins with one username from one address, after which that pair must wait."""
    failed_sign_ins_per_address: FailureLimit = "300 per 5 minute"
    """Failed sign-ins from one address with any username; a whole office may share one address."""
    failed_sign_ins_per_name: FailureLimit = "100 per 5 minute"
    """Failed sign-ins with one username from all addresses, after which further ones are held back."""
    sign_in_delay_seconds: Annotated[float, Field(ge=0, le=5)] = 2
    """For how long they are held back; an address from which the username signed in lately is not."""

    @model_validator(mode="after")
    def _require_matching_keys(self) -> Self:
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
