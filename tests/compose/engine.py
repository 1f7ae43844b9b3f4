"""The Docker engine and its compose command, as the tests use them; without them nothing here can be shown."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT_FOLDER: Final = Path(__file__).parents[2]
_LONGEST_COMMAND_SECONDS: Final = 300


class EngineError(Exception):
    """No engine, or something that it refused."""


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    status: int
    said: str
    complained: str


async def run(*command: str, env: Mapping[str, str] | None = None, told: str | None = None) -> Done:
    """Run a command to its end; `told` is its standard input."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if told is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT_FOLDER,
        env={**os.environ, **(env or {})},
    )
    try:
        async with asyncio.timeout(_LONGEST_COMMAND_SECONDS):
            said, complained = await process.communicate(None if told is None else told.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise EngineError(f"not ended within {_LONGEST_COMMAND_SECONDS} s: {' '.join(command)}") from None
    return Done(process.returncode or 0, said.decode(), complained.decode())


def find_compose() -> list[str]:
    """Return the compose command; `COMPOSE` names one, else the plugin is preferred to the program of old.

    Raises:
        EngineError: there is none, or no engine that it could talk to.

    """
    docker = shutil.which("docker")
    if docker is None:
        raise EngineError("make compose-test needs Docker: there is no `docker` on this machine")
    if not _answers([docker, "version"]):
        raise EngineError("make compose-test needs a Docker engine: `docker version` reaches none (see DOCKER_HOST)")
    named = os.environ.get("COMPOSE", "").split()
    candidates = [named] if named else [[docker, "compose"], ["docker-compose"]]
    for candidate in candidates:
        if shutil.which(candidate[0]) and _answers([*candidate, "version"]):
            return candidate
    raise EngineError("make compose-test needs `docker compose` or `docker-compose`: there is neither")


def _answers(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Project:
    """docker-compose.yml under a name of its own, with its own secrets, ports and image."""

    name: str
    compose: Sequence[str]
    secrets: Path
    ports: Mapping[str, int]
    """The port on the loopback of each published part."""
    files: Sequence[Path] = (PROJECT_FOLDER / "docker-compose.yml",)
    version: str = "compose-test"

    @property
    def image(self) -> str:
        return f"dondoc:{self.version}"

    @property
    def environment(self) -> dict[str, str]:
        ports = {f"DONDOC_{part.upper()}_PORT": str(port) for part, port in self.ports.items()}
        patience = {"COMPOSE_HTTP_TIMEOUT": str(_LONGEST_COMMAND_SECONDS)}
        return {"DONDOC_SECRETS": str(self.secrets), "DONDOC_VERSION": self.version, **ports, **patience}

    @property
    def urls(self) -> dict[str, str]:
        return {part: f"http://127.0.0.1:{port}" for part, port in self.ports.items()}

    async def ask(self, *arguments: str, told: str | None = None) -> Done:
        """Run the compose command on this project, however it ends."""
        files = [word for file in self.files for word in ("--file", str(file))]
        return await run(
            *self.compose, *files, "--project-name", self.name, *arguments, env=self.environment, told=told
        )

    async def do(self, *arguments: str, told: str | None = None) -> str:
        """Run the compose command on this project, and return what it said.

        Raises:
            EngineError: it failed.

        """
        return _said(await self.ask(*arguments, told=told), arguments)

    async def up(self, **scales: int) -> None:
        scaling = [word for service, count in scales.items() for word in ("--scale", f"{service}={count}")]
        await self.do("up", "--detach", *scaling)

    async def containers(self, service: str | None = None, *, running: bool = True) -> list[dict[str, Any]]:
        """Return what the engine knows of each container, of one service or of all."""
        labels = [f"label=com.docker.compose.project={self.name}", "label=com.docker.compose.oneoff=False"]
        if service is not None:
            labels.append(f"label=com.docker.compose.service={service}")
        filters = [word for label in labels for word in ("--filter", label)]
        ids = (await docker("ps", "--quiet", *([] if running else ["--all"]), *filters)).split()
        return list(json.loads(await docker("inspect", *ids))) if ids else []

    async def kill(self, container: Mapping[str, Any]) -> None:
        """End a container's first process as a power cut would; an operator's `docker kill` would hold it down."""
        end = f"import os; os.kill({container['State']['Pid']}, 9)"
        await docker("run", "--rm", "--pid", "host", "--user", "0", self.image, "python", "-c", end)


def service_of(container: Mapping[str, Any]) -> str:
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def is_well(container: Mapping[str, Any]) -> bool:
    """Whether it runs and, where it has a health check, passes it."""
    state = container["State"]
    return bool(state["Running"] and state.get("Health", {"Status": "healthy"})["Status"] == "healthy")


def ailing(containers: Iterable[Mapping[str, Any]]) -> list[str]:
    return [container["Name"] for container in containers if not is_well(container)]


async def docker(*arguments: str) -> str:
    """Run `docker`, and return what it said.

    Raises:
        EngineError: it failed.

    """
    return _said(await run("docker", *arguments), arguments)


def _said(done: Done, arguments: Sequence[str]) -> str:
    if done.status:
        raise EngineError(f"{' '.join(arguments)} ended with {done.status}: {(done.complained or done.said)[-4_000:]}")
    return done.said
