"""The counts and the chance of a run, and the stack of the races."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from random import Random

import pytest

from tests.conftest import RunStack
from tests.support.published_events import PublishedEvents
from tests.support.running_stack import QUICK, RunningStack

RecordProperty = Callable[[str, object], None]
"""Adds a figure to what `make proof` prints of a test: the fixture `record_property`."""


@dataclass(frozen=True)
class Counts:
    """How often something is tried: a little in `make test`, in full in `make proof` (DONDOC_PROOF=full)."""

    full: bool

    def of(self, little: int, full: int) -> int:
        return full if self.full else little


@pytest.fixture(scope="session")
def counts() -> Counts:
    return Counts(full=os.environ.get("DONDOC_PROOF") == "full")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    """Chance as DONDOC_SEED decides it. Each test has its own."""
    return Random(f"{os.environ.get('DONDOC_SEED', '1')} {request.node.nodeid}")  # noqa: S311 - nothing is secret here


@pytest.fixture(scope="package")
def stack_settings() -> dict[str, str]:
    """The settings of the stacks of this folder."""
    return {
        **QUICK,
        "ASSIGNMENT_TOKEN_SECONDS": "3600",
        # A `deadline.missed` that comes early is tried again for as long as a test needs to move the clock.
        "ASSIGNMENT_RETRY_DELAYS": "0.2,0.5,1,2,5,10,20",
    }


@pytest.fixture(scope="package")
async def stack(run_stack: RunStack, stack_settings: dict[str, str]) -> AsyncIterator[RunningStack]:
    """One stack for all races."""
    async with run_stack(stack_settings) as running:
        yield running


@pytest.fixture(scope="package")
async def published(stack: RunningStack) -> PublishedEvents:
    """Everything that the stack publishes, from the first task on."""
    return await PublishedEvents.recorded_on(stack.services)
