"""The story of all services, day by day, on the containers: two of assignment and three of deadline share it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.compose.secrets import make_secrets
from deploy.local.ports import free_ports
from tests.compose.conftest import PARTS, Say, finished
from tests.compose.engine import PROJECT_FOLDER, Project
from tests.compose.rehearsal import INSIDE, Rehearsal, stack_of
from tests.compose.test_stack import SCALES, all_well
from tests.e2e.test_story import Story, the_tasks_live_to_their_end
from tests.support.running_stack import RunningStack, clients_of


@pytest.fixture
async def rehearsal(project: Project, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rehearsal]:
    """A stack of the same image that takes a settable clock, instead of the one that was up until now."""
    await project.do("down")
    secrets = tmp_path_factory.mktemp("rehearsal") / "secrets"
    make_secrets(secrets)
    names = (*PARTS, *INSIDE)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    files = (PROJECT_FOLDER / "docker-compose.yml", PROJECT_FOLDER / "tests/compose/rehearsal.yml")
    made = Rehearsal(f"{project.name}-story", project.compose, secrets, ports, files=files)
    made.prepare()
    async with finished(made):
        yield made


@pytest.fixture
async def province(rehearsal: Rehearsal) -> AsyncIterator[RunningStack]:
    await rehearsal.up(**SCALES)
    await all_well(rehearsal)
    async with stack_of(rehearsal) as stack, clients_of(stack) as made:
        yield made


async def test_four_tasks_live_from_their_assignment_to_their_end(province: RunningStack, say: Say) -> None:
    await the_tasks_live_to_their_end(Story(province))
    say("the whole story, three weeks of four tasks, through the gateway and on scaled services")
