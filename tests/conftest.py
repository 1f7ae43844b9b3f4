"""Fixtures that every test may ask for. A test fails if its servers cannot be had; none is skipped."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest
import structlog
from hypothesis import settings

from deploy.local.servers import Servers
from tests.support.running_stack import QUICK, RunningStack, running_stack
from tests.support.servers import Database, Databases, Vhost, temporary_servers, temporary_vhost

# The same examples each time, and no limit on their time. HYPOTHESIS_PROFILE=large tries many more, by hand.
settings.register_profile("usual", deadline=None, derandomize=True)
settings.register_profile("large", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))

# Else a logged traceback shows the values of all locals, whose printing takes half a minute for an application.
_PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])

RunStack = Callable[..., AbstractAsyncContextManager[RunningStack]]
"""`running_stack` without its first two arguments."""


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    """MongoDB and RabbitMQ, started when the first test asks for them and stopped at the end of the run."""
    async with temporary_servers() as running:
        yield running


@pytest.fixture
async def vhost(servers: Servers) -> AsyncIterator[Vhost]:
    """A vhost of the test's own: `vhost.name`, `vhost.amqp_url`."""
    async with temporary_vhost(servers) as made:
        yield made


@pytest.fixture
def amqp_url(vhost: Vhost) -> str:
    """The address of the test's own vhost."""
    return vhost.amqp_url


@pytest.fixture
async def databases(servers: Servers) -> AsyncIterator[Databases]:
    """Makes as many databases as the test likes: `await databases.create("assignment")`."""
    async with AsyncExitStack() as afterwards:
        yield Databases(servers, afterwards)


@pytest.fixture
async def database(databases: Databases) -> Database:
    """One database of the test's own: `database.name`, `database.uri`."""
    return await databases.create()


@pytest.fixture(scope="session")
def run_stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> RunStack:
    """Runs the four services as processes: `async with run_stack(settings) as stack`. Each call takes seconds."""

    def run(
        settings: dict[str, str] | None = None, *, servers: Servers = servers, **options: Any
    ) -> AbstractAsyncContextManager[RunningStack]:
        folder = tmp_path_factory.mktemp("stack")
        return running_stack(servers, folder, dict(QUICK) if settings is None else settings, **options)

    return run


@pytest.fixture(scope="module")
def stack_settings() -> dict[str, str]:
    """The settings of `stack`. A change holds for a service that the test starts again afterwards."""
    return dict(QUICK)


@pytest.fixture(scope="module")
async def stack(run_stack: RunStack, stack_settings: dict[str, str]) -> AsyncIterator[RunningStack]:
    """The four services with agencies and accounts, once a module. Their clock begins on a Monday at nine."""
    async with run_stack(stack_settings) as running:
        yield running
