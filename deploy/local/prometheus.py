"""Debian's Prometheus on the loopback, to try the alert rules and the dashboards' queries. It is not for keeping data.

Its package is fetched the first time it is needed, as the servers' packages are. `DONDOC_PROMETHEUS_BIN` can name a
folder with `prometheus` and `promtool` to be used instead.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from deploy.local.child import Child
from deploy.local.failure import LocalStackError
from deploy.local.fetch import fetched_packages
from deploy.local.installation import PROJECT
from deploy.local.ports import on_free_ports, preferred_or_free

RULES = PROJECT / "deploy" / "prometheus" / "rules"
# Prometheus and everything that its pages load. The packages are named one by one so that all of them are fetched,
# even if the machine has some itself.
_PACKAGES = (
    "prometheus",
    "fonts-glyphicons-halflings",
    *(
        f"libjs-{library}"
        for library in (
            *("bootstrap4", "d3", "eonasdan-bootstrap-datetimepicker", "jquery", "jquery-hotkeys", "moment"),
            *("moment-timezone", "mustache", "popper.js", "rickshaw"),
        )
    ),
)
_READY_WITHIN_SECONDS = 30


@dataclass(frozen=True)
class PrometheusPrograms:
    prometheus: Path
    promtool: Path
    pages: Path | None
    """The folder of the classic pages that Debian's package needs. Other builds contain their pages."""


def ensure_prometheus() -> PrometheusPrograms:
    """Find the programs, and fetch them if they are missing. Many processes may call this at once."""
    chosen = os.environ.get("DONDOC_PROMETHEUS_BIN")
    folder = Path(chosen) if chosen else fetched_packages("Prometheus (20 MB)", _PACKAGES) / "usr/bin"
    pages = folder.parent / "share/prometheus/web"
    programs = PrometheusPrograms(folder / "prometheus", folder / "promtool", pages if pages.is_dir() else None)
    for program in (programs.prometheus, programs.promtool):
        if not os.access(program, os.X_OK):
            raise LocalStackError(f"{program} is not a program that can be run: see DONDOC_PROMETHEUS_BIN.")
    return programs


@dataclass(frozen=True)
class Prometheus:
    """A running server that scrapes a stack."""

    child: Child
    http: httpx2.AsyncClient
    alerts_page: str
    """The address of the page of alerts. The page `graph` beside it answers queries."""

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the data of an answer of the HTTP API.

        Raises:
            HTTPStatusError: Prometheus refused the request.

        """
        answer = await self.http.get(f"/api/v1/{path}", params=query)
        return answer.raise_for_status().json()["data"]

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query.

        Raises:
            HTTPStatusError: Prometheus refused the expression.

        """
        result: list[dict[str, Any]] = (await self.get("query", {"query": expression}))["result"]
        return result

    async def firing(self) -> dict[str, dict[str, str]]:
        """Return the labels of the alerts that fire now, by the name of the alert."""
        alerts = (await self.get("alerts"))["alerts"]
        return {alert["labels"]["alertname"]: alert["labels"] for alert in alerts if alert["state"] == "firing"}


@asynccontextmanager
async def running_prometheus(
    programs: PrometheusPrograms,
    folder: Path,
    targets: Mapping[str, Sequence[str]],
    *,
    port: int | None = None,
    scrape_seconds: float = 5,
    rules: Path = RULES,
) -> AsyncIterator[Prometheus]:
    """Run a server with its data in `folder`, on `port` if it is free. `targets` has the URLs of each job."""
    config = _written_config(folder, targets, scrape_seconds, rules)

    async def start(ports: Sequence[int]) -> tuple[Child, str]:
        return await _start(programs, config, ports[0])

    child, url = await (start([preferred_or_free(port)]) if port else on_free_ports(1, start))
    try:
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            yield Prometheus(child, http, f"{url}/classic/alerts" if programs.pages else f"{url}/alerts")
    finally:
        await child.stop()


async def _start(programs: PrometheusPrograms, config: Path, port: int) -> tuple[Child, str]:
    """Start the server, wait until it answers, and return its process and its address."""
    command: list[str | Path] = [
        programs.prometheus,
        f"--config.file={config}",
        f"--storage.tsdb.path={config.with_name('data')}",
        f"--web.listen-address=127.0.0.1:{port}",
        *([f"--web.local-assets={programs.pages}"] if programs.pages else []),
    ]
    url = f"http://127.0.0.1:{port}"
    child = await Child.start("prometheus", command, config.with_name("prometheus.log"))
    try:
        await child.until(lambda: _is_ready(url), _READY_WITHIN_SECONDS)
    except BaseException:
        await child.kill()
        raise
    return child, url


def _written_config(folder: Path, targets: Mapping[str, Sequence[str]], scrape_seconds: float, rules: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    every = f"{round(scrape_seconds * 1000)}ms"
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(rules / "*.yml")],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [url.removeprefix("http://") for url in urls]}]}
            for job, urls in targets.items()
        ],
    }
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return path


async def _is_ready(url: str) -> bool:
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        try:
            return (await client.get("/-/ready")).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False
