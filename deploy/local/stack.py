"""A stack: the four services, each with its own database, all in one vhost."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.local.barrier import wait_until_idle, wait_until_quiet
from deploy.local.clock_file import ClockFile
from deploy.local.credentials import Credentials
from deploy.local.installation import PROJECT
from deploy.local.servers import Servers
from deploy.services import SERVICES
from shared.clock import SettableClock

ADMINISTRATOR = "quantri"
_QUIET_SECONDS = "5"
"""Whoever tries something out does not want to wait half a minute for the first reminder."""


@dataclass(frozen=True)
class DemoAccount:
    """An account for trying the stack. The password of a program is its client secret."""

    username: str
    password: str
    role: str
    agency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Knows where everything is, moves the clock of all services, and waits for all of them."""

    run_dir: Path
    servers: Servers
    credentials: Credentials
    vhost: str
    amqp_url: str
    databases: Mapping[str, str]
    """The name of each service's database."""
    database_uris: Mapping[str, str]
    ports: Mapping[str, int]

    @property
    def urls(self) -> dict[str, str]:
        return {service: f"http://127.0.0.1:{port}" for service, port in self.ports.items()}

    @property
    def administrator(self) -> DemoAccount:
        """The first account. It creates the others."""
        return DemoAccount(ADMINISTRATOR, self.password_of(ADMINISTRATOR), "administrator")

    @property
    def clock(self) -> ClockFile:
        return ClockFile(self.run_dir / "clock")

    def password_of(self, username: str) -> str:
        """Return the password for an account, which is the same each time."""
        return self.credentials.password_of(username)

    def log_of(self, service: str) -> Path:
        return self.run_dir / "log" / f"{service}.log"

    def set_clock(self, now: datetime) -> None:
        """Set the clock of all services to `now` (an aware moment). Time goes on from there."""
        self.clock.set(now)

    def clear_clock(self) -> None:
        """Return all services to the true time."""
        self.clock.clear()

    def now(self) -> datetime:
        """Return the time on the clock of all services."""
        return SettableClock(self.clock.path).now()

    async def barrier(self, *, seconds: float = 60, without: Collection[str] = ()) -> None:
        """Wait until every service, except those in `without`, has handled everything that has happened."""
        services = [service for service in self.databases if service not in without]
        databases = [self.databases[service] for service in services]
        await wait_until_quiet(self.servers, self.vhost, databases, services, seconds=seconds)

    async def wait_until_idle(self, *, seconds: float = 60) -> None:
        """Wait until every service has handled everything that has happened, so that no notification can follow.

        Raises:
            LocalStackError: this took too long, or a message was moved to the dead letters.

        """
        await wait_until_idle(self.servers, self.vhost, self.databases, self.now, seconds=seconds)

    def environment_of(self, service: str) -> dict[str, str]:
        """Return the settings of a service, as it reads them."""
        settings = {
            "MODE": "local",
            "HOST": "127.0.0.1",
            "PORT": str(self.ports[service]),
            "MONGODB_URI": self.database_uris[service],
            "MONGODB_DATABASE": self.databases[service],
            "AMQP_URL": self.amqp_url,
            "CLOCK_FILE": str(self.clock.path),
            "PUBLIC_KEYS": self.credentials.public_keys,
        }
        if service == "assignment":
            settings["SIGNING_KEY"] = self.credentials.signing_key
            settings["WEB_CLIENT_SECRET"] = self.credentials.web_client_secret
        else:
            settings["TOKEN_URL"] = f"{self.urls['assignment']}/v1/auth/token"
        if service == "deadline":
            settings["QUIET_SECONDS"] = os.environ.get("DEADLINE_QUIET_SECONDS", _QUIET_SECONDS)
        named = {f"{service.upper()}_{name}": value for name, value in settings.items()}
        return {"PYTHONPATH": str(PROJECT), **named}


async def prepare_stack(
    servers: Servers, run_dir: Path, credentials: Credentials, ports: Mapping[str, int], *, prefix: str = ""
) -> Stack:
    """Create the vhost, the databases and their users. All names begin with `prefix`. May be repeated."""
    databases = {service: prefix + service for service in SERVICES}
    vhost = f"{prefix}dondoc"
    await servers.create_vhost(vhost)
    return Stack(
        run_dir=run_dir,
        servers=servers,
        credentials=credentials,
        vhost=vhost,
        amqp_url=await servers.create_broker_user(vhost, credentials.password_of("rabbitmq services"), vhost),
        databases=databases,
        database_uris={
            service: await servers.create_database_user(name, name, credentials.password_of(f"mongodb {service}"))
            for service, name in databases.items()
        },
        ports=ports,
    )


async def remove_stack(stack: Stack) -> None:
    """Delete what `prepare_stack` created, with all data."""
    await stack.servers.delete_vhost(stack.vhost)
    await stack.servers.delete_broker_user(stack.vhost)
    for database in stack.databases.values():
        await stack.servers.drop_database(database)
