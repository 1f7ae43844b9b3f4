"""The four services as processes on given servers, for tests: each can be stopped, killed and started again."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.administrator import create_administrator
from deploy.local.child import Child
from deploy.local.credentials import Credentials
from deploy.local.ports import on_free_ports
from deploy.local.readiness import is_ready
from deploy.local.servers import Servers
from deploy.local.stack import SERVICES, Stack, prepare_stack, remove_stack

_READY_WITHIN_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class ServiceProcesses(Stack):
    """A stack whose services are processes of this one."""

    settings: Mapping[str, str]
    _children: dict[str, Child] = field(default_factory=dict)

    async def start(self, service: str) -> None:
        """Start a service, on the same port as before, and wait until it is ready."""
        command = [sys.executable, "-m", f"services.{service}"]
        environment = {**self.environment_of(service), **self.settings}
        child = await Child.start(service, command, self.log_of(service), environment)
        self._children[service] = child
        await child.until(lambda: is_ready(self.urls[service]), seconds=_READY_WITHIN_SECONDS)

    async def stop(self, service: str) -> None:
        """Ask a service to end, as an operator would, and wait for it."""
        await self._children[service].stop()

    async def kill(self, service: str) -> None:
        """End a service as a power cut would."""
        await self._children[service].kill()

    async def start_all(self) -> None:
        await create_administrator(self, {**self.environment_of("assignment"), **self.settings})
        try:
            async with asyncio.TaskGroup() as together:
                for service in SERVICES:
                    together.create_task(self.start(service))
        except ExceptionGroup as failures:
            await self.stop_all()
            raise failures.exceptions[0] from None

    async def stop_all(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._children.values()))


@asynccontextmanager
async def running_services(
    servers: Servers, run_dir: Path, *, settings: Mapping[str, str] | None = None
) -> AsyncIterator[ServiceProcesses]:
    """Run the four services with a vhost and databases of their own, which are gone afterwards.

    `settings` are added to the environment of all of them. Logs and the clock file are in `run_dir`, which is made.
    """
    await asyncio.to_thread(run_dir.mkdir, parents=True, exist_ok=True)
    prefix = f"test-{secrets.token_hex(4)}-"
    credentials = Credentials.new()

    async def start(ports: Sequence[int]) -> ServiceProcesses:
        by_service = dict(zip(SERVICES, ports, strict=True))
        prepared = await prepare_stack(servers, run_dir, credentials, by_service, prefix=prefix)
        stack = ServiceProcesses(**vars(prepared), settings=settings or {})
        try:
            await stack.start_all()
        except BaseException:
            await _end(stack)
            raise
        return stack

    stack = await on_free_ports(len(SERVICES), start)
    try:
        yield stack
    finally:
        await _end(stack)


async def _end(stack: ServiceProcesses) -> None:
    await stack.stop_all()
    stack.clear_clock()
    await remove_stack(stack)
