"""The machine on which the figures were measured. Figures say little without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from deploy.local.servers import Servers

_LIBRARIES: Final = (
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "orjson"),
    *("motor", "pymongo", "faststream", "aio-pika", "aiohttp"),
)


async def description(servers: Servers) -> dict[str, Any]:
    """Describe the machine before anything is measured."""
    mongodb = await servers.administration.admin.command("buildInfo")
    overview = (await servers.management.get("/api/overview")).raise_for_status().json()
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "processor": _processor(),
        "kernel": platform.release(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "mongodb": mongodb["version"],
        "rabbitmq": overview["rabbitmq_version"],
        "erlang": overview["erlang_version"],
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def described(machine: dict[str, Any]) -> str:
    """Return the description in a few lines."""
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, Linux {machine['kernel']}, "
        f"load average {', '.join(map(str, machine['load_average']))}\n"
        f"Python {machine['python']}, MongoDB {machine['mongodb']}, RabbitMQ {machine['rabbitmq']} "
        f"(Erlang {machine['erlang']})\n{libraries}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
