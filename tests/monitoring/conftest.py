"""The four services with a Prometheus that scrapes them every second by the rules of the real one, after some weeks."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import pytest

from deploy.local.prometheus import Prometheus, ensure_prometheus, running_prometheus
from tests.conftest import RunStack
from tests.monitoring.weeks import FIRST, SECOND, live_through
from tests.support.messaging import wait_until
from tests.support.running_stack import RunningStack

_SCRAPE_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Watched:
    """A stack, and the Prometheus that watches its services."""

    stack: RunningStack
    prometheus: Prometheus

    async def has_seen_it(self) -> None:
        """Wait until whatever has happened until now was scraped, and the rules judged it."""
        services = self.stack.services.urls
        since = time.time() + 2 * _SCRAPE_SECONDS

        async def scraped() -> bool:
            (count,) = await self.values(f"count(timestamp(up) > {since}) or vector(0)")
            return count == len(services)

        await wait_until(scraped, "Prometheus has scraped every service", within=30)

    async def samples(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and numbers that an expression has now; not a number is none."""
        answer = await self.prometheus.query(expression)
        samples = [(sample["metric"], float(sample["value"][1])) for sample in answer]
        return [sample for sample in samples if not math.isnan(sample[1])]

    async def values(self, expression: str) -> list[float]:
        """Return the numbers alone."""
        return [number for _, number in await self.samples(expression)]

    async def offered(self, metric: str, label: str) -> set[str]:
        """Return the values among which a variable of a dashboard lets one choose."""
        return set(await self.prometheus.get(f"label/{label}/values", {"match[]": metric}))


@pytest.fixture(scope="module")
async def watched(run_stack: RunStack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """The same two weeks twice, each seen by Prometheus: only a counter that grows while it is watched has a rate."""
    programs = ensure_prometheus()
    async with run_stack(begins=f"{FIRST.begins}T09:00:00", accounts=False) as stack:
        targets = {service: [url] for service, url in stack.services.urls.items()}
        folder = tmp_path_factory.mktemp("prometheus")
        async with running_prometheus(programs, folder, targets, scrape_seconds=_SCRAPE_SECONDS) as prometheus:
            await stack.create_accounts()
            made = Watched(stack, prometheus)
            for weeks in (FIRST, SECOND):
                await live_through(stack, weeks)
                await made.has_seen_it()
            yield made
