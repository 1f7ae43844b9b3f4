"""Settings from the environment (`<NAME>_*`, `OFFICE_*` and `HTTP_*` for all services) and from files of secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.clock import Clock, SettableClock, SystemClock
from shared.office.policy import Policy
from shared.web.auth import MOST_KEPT, public_key_set
from shared.web.http_policy import HttpPolicy

DEMO_MARK: Final = "demo-"
"""Production mode refuses a secret that contains this; the id of a key counts too."""
_SECRETS_DIR: Final = "/run/secrets"
_EXIT_CODE: Final = 2


class Mode(StrEnum):
    LOCAL = "local"
    PRODUCTION = "production"


def _split(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _require_scheme(*schemes: str) -> AfterValidator:
    """Refuse a text that cannot be the address of a server; a service would try to connect to it without end."""

    def require_address(address: SecretStr) -> SecretStr:
        try:
            url = urlsplit(address.get_secret_value())
        except ValueError:
            url = urlsplit("")
        if url.scheme not in schemes or not url.hostname:
            raise ValueError(f"not an address, such as {schemes[0]}://user:password@host")
        return address

    return AfterValidator(require_address)


MongodbAddress = Annotated[SecretStr, _require_scheme("mongodb", "mongodb+srv")]
AmqpAddress = Annotated[SecretStr, _require_scheme("amqp", "amqps")]
Delay = Annotated[float, Field(gt=0, le=86_400)]
DelayList = Annotated[tuple[Delay, ...], NoDecode, BeforeValidator(_split), Field(min_length=1, max_length=20)]


class OfficeSettings(BaseSettings, Policy):
    """The office's policy as the environment sets it: `OFFICE_EXPLANATION_TERM=5`, `OFFICE_REMIND_BEFORE=5,3,1`.

    Fields, bounds and defaults are those of `Policy`.
    """

    # Without decoding, a list in the environment need not be JSON.
    model_config = SettingsConfigDict(env_prefix="OFFICE_", frozen=True, enable_decoding=False)

    _split_remind_before = field_validator("remind_before", mode="before")(_split)

    def policy(self) -> Policy:
        return Policy(**self.model_dump())


class HttpSettings(BaseSettings, HttpPolicy):
    """The bounds of HTTP as the environment sets them: `HTTP_BUDGET_SECONDS=10`, the same for all services.

    Fields, limits and defaults are those of `HttpPolicy`.
    """

    model_config = SettingsConfigDict(env_prefix="HTTP_", frozen=True)


class ServiceSettings(BaseSettings):
    """The settings of every service; a service's own class adds `env_prefix="<NAME>_"`, its port and its settings."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    office: OfficeSettings = Field(default_factory=OfficeSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    mode: Mode = Mode.PRODUCTION
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)]
    mongodb_uri: MongodbAddress
    mongodb_database: str = ""
    amqp_url: AmqpAddress
    public_keys: str = ""
    """The public keys (JWKS, in JSON) that verify tokens; `public_keys_file` may name a file with them instead."""
    public_keys_file: Path | None = None
    token_url: str = "/v1/auth/token"  # noqa: S105 - an address
    """The address at which `/docs` signs in; an absolute one when assignment is not behind the same gateway."""
    gateways: Annotated[int, Field(ge=0, le=10)] = 0
    """How many gateways are in front of the service; each appends an address to `X-Forwarded-For`."""
    tokens_kept: Annotated[int, Field(ge=1, le=1_000_000)] = MOST_KEPT
    """How many verified tokens are kept, of 1 kB each; whoever comes with another one waits for its signature."""
    clock_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    retry_delays: DelayList = (1, 5, 30, 120, 600)
    """Seconds before each retry of a message whose handling failed; after the last retry it is a dead letter."""
    prefetch: Annotated[int, Field(ge=1, le=1_000)] = 20
    """How many messages the broker sends before the first of them is acknowledged."""

    @classmethod
    def service(cls) -> str:
        """Return the name of the service, made from the prefix: `deadline` of `DEADLINE_`."""
        return cls.model_config.get("env_prefix", "").rstrip("_").lower()

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        completed = {"mongodb_database": cls.service(), **values}
        if completed.get("public_keys_file") and not completed.get("public_keys"):
            completed["public_keys"] = _text_of(Path(completed["public_keys_file"]))
        return completed

    @field_validator("public_keys")
    @classmethod
    def _require_public_keys(cls, text: str) -> str:
        if not text:
            raise ValueError("the public keys are missing; PUBLIC_KEYS_FILE may name the file they stand in")
        public_key_set(text)
        return text

    @field_validator("retry_delays")
    @classmethod
    def _require_growth(cls, delays: tuple[float, ...]) -> tuple[float, ...]:
        if list(delays) != sorted(set(delays)):
            raise ValueError("delays must grow")
        return delays

    @model_validator(mode="after")
    def _require_fit_for_production(self) -> Self:
        if self.mode is Mode.PRODUCTION:
            for fault in self._unfit():
                raise ValueError(fault)
        return self

    def _unfit(self) -> Iterator[str]:
        prefix = self.model_config.get("env_prefix", "")
        if self.clock_file is not None:
            yield f"{prefix}CLOCK_FILE moves the clock, which production mode refuses"
        for name, value in self:
            if DEMO_MARK in _secret(name, value):
                yield f"{prefix}{name.upper()} is a demo secret, which production mode refuses"

    def clock(self) -> Clock:
        return SystemClock() if self.clock_file is None else SettableClock(self.clock_file)


def _secret(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if name == "public_keys" else ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise ValueError("the file of public keys cannot be read") from None


class BrokerSettings(BaseSettings):
    """The settings of a command that needs only the queues of a service."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    amqp_url: AmqpAddress


Settings = TypeVar("Settings", bound=ServiceSettings)
# Other programs too have names such as HTTP_PROXY and HTTP_HOST; these are left alone.
_HTTP_PREFIXES: Final = sorted({f"HTTP_{name.upper().partition('_')[0]}_" for name in HttpSettings.model_fields})
_PREFIX_OF_ALL: Final = {kind.__name__: kind.model_config["env_prefix"] for kind in (OfficeSettings, HttpSettings)}


def load(kind: type[Settings]) -> Settings:
    """Read a service's settings.

    If they are wrong, the process ends with exit code 2, after one line that says why and shows no values.
    """
    prefix = kind.model_config.get("env_prefix", "")
    _require_known_names(kind, prefix)
    _require_known_names(OfficeSettings, "OFFICE_")
    _require_known_names(HttpSettings, *_HTTP_PREFIXES)
    try:
        return kind(_secrets_dir=_secrets_dir(prefix), office=OfficeSettings(), http=HttpSettings())
    except ValidationError as error:
        _give_up(error, _PREFIX_OF_ALL.get(error.title, prefix))


def load_broker(kind: type[ServiceSettings]) -> BrokerSettings:
    """Read only the address of the broker from a service's settings; it ends the process as `load` does."""
    prefix = kind.model_config.get("env_prefix", "")
    try:
        return BrokerSettings(_env_prefix=prefix, _secrets_dir=_secrets_dir(prefix))
    except ValidationError as error:
        _give_up(error, prefix)


def _require_known_names(kind: type[BaseSettings], *prefixes: str) -> None:
    prefix = kind.model_config.get("env_prefix", "")
    known = {f"{prefix}{name}".upper() for name in (*kind.model_fields, "secrets_dir")}
    unknown = sorted(name for name in os.environ if name.upper().startswith(prefixes) and name.upper() not in known)
    if unknown:
        _end(f"no such setting: {', '.join(unknown)}")


def _secrets_dir(prefix: str) -> str | None:
    named = os.environ.get(f"{prefix}SECRETS_DIR")
    if named is not None and not Path(named).is_dir():
        _end(f"{prefix}SECRETS_DIR: not a folder")
    return named or (_SECRETS_DIR if Path(_SECRETS_DIR).is_dir() else None)


def _give_up(error: ValidationError, prefix: str) -> NoReturn:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    _end("; ".join(_fault(fault["loc"], fault["msg"], prefix) for fault in faults))


def _fault(location: tuple[str | int, ...], message: str, prefix: str) -> str:
    said = message.removeprefix("Value error, ")
    if not location:
        return said
    name = str(location[0])
    return f"{name if name.upper().startswith(prefix) else prefix + name}".upper() + f": {said}"


def _end(message: str) -> NoReturn:
    sys.stderr.write(f"settings refused: {message}\n")
    raise SystemExit(_EXIT_CODE)
