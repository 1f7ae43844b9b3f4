"""The four services as processes for tests: each can be stopped, killed and started again.

The name of a replica is the service's name and a number: "deadline-2" is a second deadline. It has the same settings,
but its own port and its own log.
"""

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
from deploy.local.ports import free_ports, on_free_ports
from deploy.local.readiness import is_ready
from deploy.local.servers import Servers
from deploy.local.stack import Stack, prepare_stack, remove_stack
from deploy.services import SERVICES

_READY_WITHIN_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class ServiceProcesses(Stack):
    """A stack whose services are child processes. `name` is the name of a service or of a replica."""

    settings: Mapping[str, str]
    broker_ports: Mapping[str, int]
    """The broker's port for those services that reach it through a proxy."""
    _children: dict[str, Child] = field(default_factory=dict)
    _ports_of_replicas: dict[str, int] = field(default_factory=dict)

    def url_of(self, name: str) -> str:
        """Return the address of a service, or of a replica that was started before. It never changes."""
        return f"http://127.0.0.1:{self._port_of(name)}"

    def environment_of(self, service: str) -> dict[str, str]:
        """Return the settings of a service, as it reads them."""
        environment = {**super().environment_of(service), **self.settings}
        if service in self.broker_ports:
            own, other = self.servers.rabbitmq.amqp_port, self.broker_ports[service]
            environment[f"{service.upper()}_AMQP_URL"] = self.amqp_url.replace(f":{own}/", f":{other}/")
        return environment

    async def start(self, name: str) -> None:
        """Start a service or a replica, on the same port as before, and wait until it is ready."""
        if name not in SERVICES and name not in self._ports_of_replicas:
            self._ports_of_replicas[name] = free_ports(1)[0]
        service = _service_of(name)
        environment = {**self.environment_of(service), f"{service.upper()}_PORT": str(self._port_of(name))}
        child = await Child.start(name, [sys.executable, "-m", f"services.{service}"], self.log_of(name), environment)
        self._children[name] = child
        await child.until(lambda: is_ready(self.url_of(name)), seconds=_READY_WITHIN_SECONDS)

    def pid_of(self, name: str) -> int:
        """Return the process id of a service or a replica that runs."""
        return self._children[name].pid

    async def stop(self, name: str) -> None:
        """Ask a service to end, as an operator would, and wait until it has ended."""
        await self._children[name].stop()

    async def kill(self, name: str) -> None:
        """Kill a service, as a power cut would."""
        await self._children[name].kill()

    async def start_all(self) -> None:
        """Start the services and every replica that was started before."""
        try:
            async with asyncio.TaskGroup() as together:
                for name in {**dict.fromkeys(SERVICES), **self._children}:
                    together.create_task(self.start(name))
        except ExceptionGroup as failures:
            await self.stop_all()
            raise failures.exceptions[0] from None

    async def stop_all(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._children.values()))

    async def kill_all(self) -> None:
        await asyncio.gather(*(child.kill() for child in self._children.values()))

    def _port_of(self, name: str) -> int:
        return self.ports[name] if name in self.ports else self._ports_of_replicas[name]


def _service_of(name: str) -> str:
    return name.partition("-")[0]


@asynccontextmanager
async def running_services(
    servers: Servers,
    run_dir: Path,
    *,
    settings: Mapping[str, str] | None = None,
    broker_ports: Mapping[str, int] | None = None,
) -> AsyncIterator[ServiceProcesses]:
    """Run the four services with their own vhost and databases, which are deleted afterwards.

    `settings` are added to the environment of every service. `broker_ports` has, by service, the port of a proxy that
    leads to the broker. Logs and the clock file are in `run_dir`, which is created.
    """
    await asyncio.to_thread(run_dir.mkdir, parents=True, exist_ok=True)
    prefix = f"test-{secrets.token_hex(4)}-"
    credentials = Credentials.new()

    async def start(ports: Sequence[int]) -> ServiceProcesses:
        by_service = dict(zip(SERVICES, ports, strict=True))
        prepared = await prepare_stack(servers, run_dir, credentials, by_service, prefix=prefix)
        stack = ServiceProcesses(**vars(prepared), settings=settings or {}, broker_ports=broker_ports or {})
        try:
            await create_administrator(stack, stack.environment_of("assignment"))
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
