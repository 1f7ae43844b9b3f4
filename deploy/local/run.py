"""What `make run` does: it starts both servers, the services and the demo, waits, and stops everything in order."""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from deploy.demo.load import Demo, load
from deploy.local.administrator import create_administrator
from deploy.local.child import Child, unless_one_ends
from deploy.local.failure import LocalStackError
from deploy.local.ports import preferred_or_free
from deploy.local.progress import say
from deploy.local.prometheus import ensure_prometheus, running_prometheus
from deploy.local.readiness import is_ready
from deploy.local.run_dir import RunDir
from deploy.local.servers import running_servers
from deploy.local.stack import DemoAccount, Stack, prepare_stack
from deploy.services import SERVICES

_FIRST_PORT = 8001
_PROMETHEUS_PORT = 9090
_READY_WITHIN_SECONDS = 60


async def run(path: Path, demo: Demo, *, watched: bool = False) -> None:
    """Run a stack in a folder until cancelled, `watched` by Prometheus if asked. When a part ends, raise an error."""
    run_dir = RunDir(path)
    with run_dir.held():
        credentials = run_dir.credentials()
        passwords = {server: credentials.password_of(server) for server in ("mongodb", "rabbitmq")}
        say("starting MongoDB and RabbitMQ ...")
        async with running_servers(path, passwords=passwords, keep_data=True) as servers:
            stack = await prepare_stack(servers, path, credentials, _ports_of_services())
            await create_administrator(stack, stack.environment_of("assignment"))
            async with _running_services(stack) as services:
                children = [*services, *servers.children]
                accounts = await unless_one_ends(children, _become_ready(run_dir, stack, services, demo))
                async with _watching(stack, watched=watched) as watchers:
                    _say_where_everything_is(stack, accounts)
                    await unless_one_ends([*children, *watchers], asyncio.Event().wait())


def _ports_of_services() -> dict[str, int]:
    ports: dict[str, int] = {}
    for preferred, service in enumerate(SERVICES, start=_FIRST_PORT):
        ports[service] = preferred_or_free(preferred)
        if ports[service] != preferred:
            say(f"port {preferred} is taken, {service} takes {ports[service]}")
    return ports


@asynccontextmanager
async def _running_services(stack: Stack) -> AsyncIterator[list[Child]]:
    say("starting the services ...")
    children: list[Child] = []
    try:
        for service in SERVICES:
            child = await _start(stack, service)
            children.append(child)
            say(f"{service} started (pid {child.pid})")
        yield children
    finally:
        await asyncio.gather(*(child.stop() for child in children))


async def _start(stack: Stack, service: str) -> Child:
    command = [sys.executable, "-m", f"services.{service}"]
    return await Child.start(service, command, stack.log_of(service), stack.environment_of(service), shown=True)


@asynccontextmanager
async def _watching(stack: Stack, *, watched: bool) -> AsyncIterator[list[Child]]:
    if not watched:
        yield []
        return
    # Prometheus starts after the demo is loaded: the demo moves the clock by weeks, and alerts would fire.
    programs = await asyncio.to_thread(ensure_prometheus)
    targets = {service: [url] for service, url in stack.urls.items()}
    async with running_prometheus(programs, stack.run_dir / "prometheus", targets, port=_PROMETHEUS_PORT) as prometheus:
        say(f"Prometheus: {prometheus.alerts_page}")
        yield [prometheus.child]


async def _become_ready(run_dir: RunDir, stack: Stack, services: Sequence[Child], demo: Demo) -> list[DemoAccount]:
    """Wait for the services, load the demo, write `stack.json` for other programs, and return the accounts."""
    for child in services:
        await child.until(partial(is_ready, stack.urls[child.name]), _READY_WITHIN_SECONDS)
        say(f"{child.name} is ready")
    accounts = [stack.administrator, *await _demo_accounts(run_dir, stack, demo)]
    run_dir.write_stack(stack, accounts)
    return accounts


async def _demo_accounts(run_dir: RunDir, stack: Stack, demo: Demo) -> list[DemoAccount]:
    """Load the demo unless an earlier run in this folder has done so, and return its accounts."""
    accounts = run_dir.loaded_demo()
    if accounts is not None:
        say("an earlier run loaded the demo, and all data is kept (`make clean` deletes it)")
    elif demo != "none":
        say(f"loading the demo ({demo}), once ...")
        accounts = await _load_demo(stack, demo)
        run_dir.keep_loaded_demo(accounts)
    return accounts or []


async def _load_demo(stack: Stack, demo: Demo) -> list[DemoAccount]:
    try:
        return await load(stack, demo)
    except Exception as error:
        log = stack.log_of("demo")
        log.write_text(traceback.format_exc(), encoding="utf-8")
        raise LocalStackError(f"the demo could not be loaded, see {log}: {error}") from error
    finally:
        stack.clear_clock()


def _say_where_everything_is(stack: Stack, accounts: Sequence[DemoAccount]) -> None:
    say("everything is ready, Ctrl-C stops it")
    for service, url in stack.urls.items():
        say(f"  {service:<14}{url}/docs")
    say("accounts:")
    shown: dict[str, DemoAccount] = {}
    for account in accounts:
        shown.setdefault(account.role, account)
    for account in shown.values():
        say(f"  {account.role:<14}{account.username:<20}{account.password}  {account.agency or ''}".rstrip())
    if len(shown) < len(accounts):
        say(f"  and {len(accounts) - len(shown)} more in {stack.run_dir / 'stack.json'}")
    say("a first call, which returns a token (docs/quick-start.md says how to use it):")
    first = next((account for account in accounts if account.role == "leader"), accounts[0])
    form = f"-d grant_type=password -d username={first.username} -d password={first.password}"
    say(f"  curl -s {form} {stack.urls['assignment']}/v1/auth/token")
