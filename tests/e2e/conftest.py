"""The four services as processes, once a module, with a province in them."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from deploy.local.services import ServiceProcesses, running_services
from tests.support.province import QUICK, Province, province_on

MONDAY = "2026-10-05T09:00:00"
"""When every story begins, local time: no day off but Saturdays and Sundays is near."""


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Settings of the services; what a test changes holds for a service that it then starts again."""
    return dict(QUICK)


@pytest.fixture(scope="module")
async def services(
    servers: Servers, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcesses]:
    async with running_services(servers, tmp_path_factory.mktemp("services"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
async def province(services: ServiceProcesses) -> AsyncIterator[Province]:
    async with province_on(services, MONDAY) as made:
        yield made
