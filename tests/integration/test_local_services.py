"""The services as tests start them: stopped, killed and started one by one, with one clock for all."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from deploy.local.readiness import is_ready
from deploy.local.servers import Servers
from deploy.local.services import ServiceProcesses, running_services
from shared.clock import SettableClock
from tests.support.servers import processes_naming


@pytest.fixture(scope="module")
async def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcesses]:
    async with running_services(servers, tmp_path_factory.mktemp("services")) as running:
        yield running


async def test_a_killed_service_is_ready_again_at_the_same_address(stack: ServiceProcesses) -> None:
    await stack.kill("reporting")
    assert not await is_ready(stack.urls["reporting"])
    await stack.start("reporting")
    assert await is_ready(stack.urls["reporting"])


async def test_a_replica_stands_beside_its_service_and_comes_and_goes_alone(stack: ServiceProcesses) -> None:
    await stack.start("reporting-2")
    address = stack.url_of("reporting-2")
    assert address != stack.url_of("reporting") == stack.urls["reporting"]
    await stack.stop("reporting-2")
    assert not await is_ready(address)
    assert await is_ready(stack.urls["reporting"])
    await stack.start("reporting-2")
    assert await is_ready(address)
    await stack.stop("reporting-2")


async def test_all_that_were_killed_at_once_come_back_at_once_with_their_replicas(stack: ServiceProcesses) -> None:
    await stack.start("reporting-2")
    addresses = [*stack.urls.values(), stack.url_of("reporting-2")]
    await stack.kill_all()
    assert not any([await is_ready(address) for address in addresses])
    await stack.start_all()
    assert all([await is_ready(address) for address in addresses])


async def test_the_first_administrator_can_sign_in(stack: ServiceProcesses) -> None:
    form = {
        "grant_type": "password",
        "username": stack.administrator.username,
        "password": stack.administrator.password,
    }
    async with httpx2.AsyncClient(base_url=stack.urls["assignment"], trust_env=False) as client:
        answer = await client.post("/v1/auth/token", data=form)
    assert answer.status_code == httpx2.codes.OK
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", answer.json()["access_token"])


async def test_a_moment_set_is_the_time_from_then_on(stack: ServiceProcesses) -> None:
    moment = datetime(2017, 1, 20, 2, tzinfo=UTC)
    stack.set_clock(moment)
    assert moment <= SettableClock(stack.clock.path).now() < moment + timedelta(minutes=1)
    stack.clear_clock()
    assert not stack.clock.path.exists()


async def test_nothing_is_left_of_services_that_were_stopped(servers: Servers, tmp_path: Path) -> None:
    async with running_services(servers, tmp_path) as stack:
        await stack.barrier()
        assert len(processes_naming(tmp_path)) == len(stack.urls)
    assert processes_naming(tmp_path) == {}
    assert not set(stack.databases.values()) & set(await servers.administration.list_database_names())
