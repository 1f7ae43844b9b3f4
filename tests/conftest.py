"""Fixtures that every test may ask for. Servers that cannot be had fail the test: nothing is skipped."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import settings

from deploy.local.servers import Servers
from tests.support.servers import Database, Databases, Vhost, temporary_servers, temporary_vhost

# The same examples each time, without a limit on their time; HYPOTHESIS_PROFILE=large looks much further, by hand.
settings.register_profile("usual", deadline=None, derandomize=True)
settings.register_profile("large", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


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
