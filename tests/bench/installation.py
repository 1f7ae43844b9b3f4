"""What is measured: the four services as processes. Beside them run the bare routes and the clients."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bson import encode
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.child import Child
from deploy.local.installation import PROJECT
from deploy.local.ports import accepts_connections, free_ports
from deploy.local.servers import Servers
from deploy.local.services import ServiceProcesses
from deploy.services import SERVICES
from shared.messaging.topology import BINDINGS, events_queue
from tests.bench.load import Load
from tests.bench.tasks import a_task, fill, many_documents
from tests.support.running_stack import RunningStack, running_stack

_ANSWER_BYTES: Final = 2**28
_BARE_READY_SECONDS: Final = 30
CHEAP_SIGN_IN: Final[Mapping[str, str]] = MappingProxyType(
    {"ASSIGNMENT_PASSWORD_MEMORY_KIB": "8", "ASSIGNMENT_PASSWORD_PASSES": "1"}
)
"""The only settings that differ from production. Nobody signs in while something is measured."""


@dataclass
class Installation:
    """Everything that a measurement may use. What one has written stays for those that come later."""

    stack: RunningStack
    load: Load
    bare_url: str
    running: set[str] = field(default_factory=lambda: set(SERVICES))
    _filled: bool = False

    @property
    def services(self) -> ServiceProcesses:
        return self.stack.services

    @property
    def servers(self) -> Servers:
        return self.stack.servers

    def database(self, service: str) -> AsyncDatabase[dict[str, Any]]:
        """Return a service's database, as the administrator of MongoDB sees it."""
        return self.servers.administration[self.services.databases[service]]

    async def only(self, *services: str) -> None:
        """Run these services and no others, and drop the events that were published meanwhile."""
        for service in sorted(self.running - set(services)):
            await self.services.stop(service)
        await self.purge()
        for service in sorted(set(services) - self.running):
            await self.services.start(service)
        self.running = set(services)

    async def purge(self) -> None:
        """Empty the queues of events."""
        for service in BINDINGS:
            path = f"/api/queues/{self.services.vhost}/{events_queue(service)}/contents"
            (await self.servers.management.delete(path)).raise_for_status()

    async def headers_of(self, username: str) -> dict[str, str]:
        """Sign an account in, and return the headers of its requests."""
        (await self.stack.as_(username).get("/v1/me")).raise_for_status()
        return {**(self.stack.as_(username).headers or {}), "Content-Type": "application/json"}

    async def with_many_tasks(self) -> None:
        """Insert a hundred thousand tasks into assignment's database, once."""
        if not self._filled:
            await fill(self.database("assignment")["tasks"], many_documents())
            self._filled = True


@asynccontextmanager
async def running_installation(servers: Servers, folder: Path) -> AsyncIterator[Installation]:
    """Run the services, the bare routes and the clients until the block ends."""
    async with AsyncExitStack() as afterwards:
        running = running_stack(servers, folder, CHEAP_SIGN_IN, begins=None)
        stack = await afterwards.enter_async_context(running)
        load = await afterwards.enter_async_context(_clients())
        yield Installation(stack, load, await afterwards.enter_async_context(_bare_routes(stack.services)))


@asynccontextmanager
async def _clients() -> AsyncIterator[Load]:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "tests.bench.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        limit=_ANSWER_BYTES,
    )
    try:
        yield Load(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _bare_routes(stack: ServiceProcesses) -> AsyncIterator[str]:
    port = free_ports(1)[0]
    uri = await _uri_of_both(stack)
    document = a_task(steps=0).inserted()
    # Nothing relays these events, so the record must not say that they wait.
    del document["pending_since"]
    environment = {
        "PYTHONPATH": str(PROJECT),
        "BARE_MONGODB_URI": uri,
        "BARE_ASSIGNMENT": stack.databases["assignment"],
        "BARE_REPORTING": stack.databases["reporting"],
        "BARE_DOCUMENT": encode(document).hex(),
    }
    command = [sys.executable, "-m", "tests.bench.bare.routes", str(port)]
    child = await Child.start("bare routes", command, stack.run_dir / "log" / "bare.log", environment)
    try:
        await child.until(lambda: accepts_connections(port), _BARE_READY_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        await child.stop()


async def _uri_of_both(stack: ServiceProcesses) -> str:
    """Make a user who may use the databases of assignment and of reporting."""
    database, name = stack.databases["assignment"], f"bare-{secrets.token_hex(4)}"
    uri = await stack.servers.create_database_user(database, name, password := secrets.token_urlsafe(12))
    roles = [{"role": "readWrite", "db": stack.databases[service]} for service in ("assignment", "reporting")]
    await stack.servers.administration[database].command("updateUser", name, pwd=password, roles=roles)
    return uri
