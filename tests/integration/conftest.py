"""assignment in this process, for tests of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.support.assignment import TaskService, running_tasks
from tests.support.clock import MONDAY


@pytest.fixture(scope="module")
async def task_service(servers: Servers) -> AsyncIterator[TaskService]:
    """assignment with accounts of every role, once a module."""
    async with running_tasks(servers) as running:
        yield running


@pytest.fixture
def service(task_service: TaskService) -> TaskService:
    """The same, with its clock at nine on a Monday for each test."""
    task_service.clock.set(MONDAY)
    return task_service
