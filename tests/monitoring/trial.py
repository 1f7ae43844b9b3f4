"""Breaks a stack in five ways, for real, and prints the alerts that fire: `python -m tests.monitoring.trial`.

The rules are the real ones, with durations (`for`, `interval` and the windows of rates) ten times as short. Thresholds
are unchanged. Scrapes are six seconds apart. Each fault is repaired before the next, and the trial waits until no alert
fires any more.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aio_pika

from deploy.local.prometheus import RULES, Prometheus, ensure_prometheus, running_prometheus
from deploy.local.services import ServiceProcesses
from shared.messaging.topology import EXCHANGE
from tests.support.messaging import wait_until
from tests.support.running_stack import RunningStack, expect, running_stack
from tests.support.servers import temporary_servers

TIMES_AS_FAST: Final = 10
# A service that waits for a server that is away answers within five seconds.
_SCRAPE_SECONDS: Final = 6
_WITHIN_SECONDS: Final = 300
_DURATIONS: Final = re.compile(r"(?P<before>\[|(?:for|interval): )(?P<minutes>\d+)m")
_EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}


def hastened(rules: str) -> str:
    """Make the durations of rules shorter."""
    return _DURATIONS.sub(lambda found: f"{found['before']}{int(found['minutes']) * 60 // TIMES_AS_FAST}s", rules)


async def _assign(stack: RunningStack) -> None:
    body = {"title": "Báo cáo giải ngân", "lead_agency": "stc"}
    expect(201, await stack.as_("chair").post("/v1/tasks", body))


@asynccontextmanager
async def broker_down(stack: RunningStack) -> AsyncIterator[None]:
    await stack.servers.rabbitmq.stop()
    yield
    await stack.servers.rabbitmq.start()


@asynccontextmanager
async def database_down(stack: RunningStack) -> AsyncIterator[None]:
    await stack.servers.mongod.stop()
    yield
    await stack.servers.mongod.start()


@asynccontextmanager
async def stuck_consumer(stack: RunningStack) -> AsyncIterator[None]:
    """Reporting is let into its database no more, though the server answers: its handlers wait, and an event comes."""
    name = stack.services.databases["reporting"]
    database = stack.servers.administration[name]
    await database.command("revokeRolesFromUser", name, roles=[{"role": "readWrite", "db": name}])
    await _assign(stack)
    yield
    await database.command("grantRolesToUser", name, roles=[{"role": "readWrite", "db": name}])


@asynccontextmanager
async def dead_letter(stack: RunningStack) -> AsyncIterator[None]:
    """Someone publishes what nobody can read; an operator drops it."""
    services = stack.services
    async with await aio_pika.connect(services.servers.rabbitmq.administrator_uri(services.vhost)) as connection:
        exchange = await (await connection.channel()).get_exchange(EXCHANGE)
        await exchange.publish(aio_pika.Message(b"\xff\xfe"), "task.assigned.v1")
    yield
    for service in ("deadline", "notification", "reporting"):
        command = [sys.executable, "-m", f"services.{service}", "dead-letters", "drop", "--all"]
        environment = {**os.environ, **services.environment_of(service)}
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True)


@asynccontextmanager
async def growing_outbox(stack: RunningStack) -> AsyncIterator[None]:
    """The broker is there, but lets nobody publish."""
    await _permit(stack.services, {**_EVERYTHING, "write": "^$"})
    await _assign(stack)
    yield
    await _permit(stack.services, _EVERYTHING)


async def _permit(services: ServiceProcesses, permissions: dict[str, str]) -> None:
    path = f"/api/permissions/{services.vhost}/{services.vhost}"
    (await services.servers.management.put(path, json=permissions)).raise_for_status()


FAULTS: Final = {
    "DondocBrokerDown": broker_down,
    "DondocDatabaseDown": database_down,
    "DondocConsumerStuck": stuck_consumer,
    "DondocDeadLetters": dead_letter,
    "DondocOutboxGrowing": growing_outbox,
}
"""The faults, by the alert that each is to raise."""


async def _try(prometheus: Prometheus, stack: RunningStack, wanted: Collection[str]) -> None:
    for alert, fault in FAULTS.items():
        if wanted and alert not in wanted:
            continue
        _say(f"{fault.__name__}:")
        async with fault(stack):
            await _until(lambda alert=alert: _fires(prometheus, alert), f"{alert} fires")  # type: ignore[misc]
            for fired in await _firing(prometheus):
                labels = {name: value for name, value in fired["labels"].items() if name != "alertname"}
                _say(f"  {fired['labels']['alertname']} {labels} since {fired['activeAt']}")
                _say(f"    {fired['annotations']['summary']}")
        await _until(lambda: _is_quiet(prometheus), "no alert fires any more")
        _say("  mended: no alert fires")


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    await wait_until(condition, what, within=_WITHIN_SECONDS)


async def _fires(prometheus: Prometheus, alert: str) -> bool:
    return any(fired["labels"]["alertname"] == alert for fired in await _firing(prometheus))


async def _is_quiet(prometheus: Prometheus) -> bool:
    return not await _firing(prometheus)


async def _firing(prometheus: Prometheus) -> list[dict[str, Any]]:
    alerts: list[dict[str, Any]] = (await prometheus.get("alerts"))["alerts"]
    return [alert for alert in alerts if alert["state"] == "firing"]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(wanted: Collection[str]) -> None:
    programs = await asyncio.to_thread(ensure_prometheus)
    with tempfile.TemporaryDirectory(prefix="dondoc-trial-") as name:
        folder = Path(name)
        rules = folder / "rules"
        rules.mkdir()
        for file in RULES.glob("*.yml"):
            (rules / file.name).write_text(hastened(file.read_text(encoding="utf-8")), encoding="utf-8")
        async with (
            temporary_servers() as servers,
            running_stack(servers, folder / "run") as stack,
            running_prometheus(
                programs,
                folder / "prom",
                {service: [url] for service, url in stack.services.urls.items()},
                scrape_seconds=_SCRAPE_SECONDS,
                rules=rules,
            ) as prometheus,
        ):
            await _try(prometheus, stack, wanted)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - set(FAULTS):
        _say(f"no such alert here: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
        sys.exit(os.EX_USAGE)
    asyncio.run(main(sys.argv[1:]))
