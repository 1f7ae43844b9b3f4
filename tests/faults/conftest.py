"""How much is tried, by which chance, and the province that the races are run in."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

import pytest

from deploy.local.servers import Servers
from deploy.local.services import ServiceProcesses, running_services
from tests.support.province import QUICK, Province, province_on
from tests.support.witness import Witness

MONDAY = "2026-10-05T09:00:00"
"""When the races begin, local time: no day off but Saturdays and Sundays is near."""


@dataclass(frozen=True)
class Counts:
    """How much is tried: a little in `make test`, all of it in `make proof` (DONDOC_PROOF=full)."""

    full: bool

    def of(self, little: int, full: int) -> int:
        return full if self.full else little


@pytest.fixture(scope="session")
def counts() -> Counts:
    return Counts(full=os.environ.get("DONDOC_PROOF") == "full")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    """Chance as DONDOC_SEED decides it, for each test its own."""
    return Random(f"{os.environ.get('DONDOC_SEED', '1')} {request.node.nodeid}")  # noqa: S311 - nothing is secret here


@pytest.fixture(scope="package")
def settings() -> dict[str, str]:
    """Settings of the services; what a test changes holds for a service that it then starts again."""
    return {
        **QUICK,
        "ASSIGNMENT_TOKEN_SECONDS": "3600",
        # What comes early is tried again for as long as a test needs to let its time come.
        "ASSIGNMENT_RETRY_DELAYS": "0.2,0.5,1,2,5,10,20",
    }


@pytest.fixture(scope="package")
async def services(
    servers: Servers, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcesses]:
    async with running_services(servers, tmp_path_factory.mktemp("services"), settings=settings) as running:
        yield running


@pytest.fixture(scope="package")
async def province(services: ServiceProcesses) -> AsyncIterator[Province]:
    async with province_on(services, MONDAY) as made:
        yield made


@pytest.fixture(scope="package")
async def witness(services: ServiceProcesses) -> Witness:
    """Hears everything that is published from the first task on."""
    return await Witness.of(services)
