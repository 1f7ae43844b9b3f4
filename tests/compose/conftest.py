"""A project of docker-compose.yml, up once for all tests here, and gone with its data afterwards."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from deploy.compose.secrets import make_secrets
from deploy.local.ports import free_ports
from tests.compose.engine import EngineError, Project, docker, find_compose
from tests.compose.people import People, people_of

Say = Callable[[str], None]
PARTS: Final = ("assignment", "deadline", "notification", "reporting", "prometheus", "grafana")


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Say:
    """Tell whoever runs this what is being done, with the seconds since the beginning."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    began = time.monotonic()

    def tell(what: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{time.monotonic() - began:6.1f} s  {what}", end="", flush=True)  # noqa: T201 - its purpose

    return tell


@pytest.fixture(scope="session")
async def project(tmp_path_factory: pytest.TempPathFactory, say: Say) -> AsyncIterator[Project]:
    """The project, built and not yet up."""
    try:
        compose = find_compose()
    except EngineError as error:
        pytest.exit(str(error), returncode=1)
    folder = tmp_path_factory.mktemp("compose")
    make_secrets(folder / "secrets")
    ports = dict(zip(PARTS, free_ports(len(PARTS)), strict=True))
    made = Project(f"dondoc-test-{secrets.token_hex(4)}", compose, folder / "secrets", ports)
    say(f"{' '.join(compose)} builds {made.image}")
    await made.do("build")
    say(f"{made.image}: {await size_of(made.image)}")
    async with finished(made):
        yield made
    say("down, with all data")


@asynccontextmanager
async def finished(project: Project) -> AsyncIterator[None]:
    """Leave nothing of a project behind, whatever happens."""
    try:
        yield
    finally:
        await project.do("down", "--volumes", "--remove-orphans", "--timeout", "5")


async def size_of(image: str) -> str:
    """Return how large an image is, and how much of that is ours."""
    base = int(await docker("image", "inspect", "--format", "{{.Size}}", "python:3.11-slim-bookworm"))
    whole = int(await docker("image", "inspect", "--format", "{{.Size}}", image))
    return f"{whole / 1e6:.0f} MB, {(whole - base) / 1e6:.0f} MB of it on top of python:3.11-slim-bookworm"


@pytest.fixture(scope="session")
def tasks() -> dict[str, int]:
    """Every task that was acknowledged, and its version: whatever happens, they must stay."""
    return {}


@pytest.fixture
async def people(project: Project, tasks: dict[str, int]) -> AsyncIterator[People]:
    """The people, who sign in anew for each test: a token lives ten minutes."""
    async with people_of(project.urls, tasks) as made:
        yield made


@pytest.fixture(scope="session")
def secret_texts(project: Project) -> dict[str, str]:
    """What each secret says, by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in Path(project.secrets).iterdir()}
