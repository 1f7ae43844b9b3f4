"""The rules that Prometheus judges by: valid, each alert tried by a case that fires and one that does not, each with
a runbook.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.installation import PROJECT
from deploy.local.prometheus import RULES, ensure_prometheus
from tests.monitoring.measured import edges, names_in

DEPLOYED: Final = PROJECT / "deploy" / "prometheus"
RUNBOOKS: Final = PROJECT / "docs" / "runbooks"
SEVERITIES: Final = frozenset({"page", "ticket"})
BILINGUAL: Final = " · "
_JUDGED: Final = re.compile(r"(?P<record>\S+) > (?P<threshold>[\d.]+)")


def _alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


ALERTS: Final = _alerts()


@pytest.fixture(scope="module")
def promtool() -> Path:
    return ensure_prometheus().promtool


async def _run(promtool: Path, *arguments: str | Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        promtool, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_configuration_and_the_rules_are_valid(promtool: Path) -> None:
    code, said = await _run(promtool, "check", "config", DEPLOYED / "prometheus.yml")
    assert code == 0, said
    assert "2 rule files found" in said
    code, said = await _run(promtool, "check", "rules", *sorted(RULES.glob("*.yml")))
    assert code == 0, said


async def test_every_case_comes_out_as_written(promtool: Path) -> None:
    code, said = await _run(promtool, "test", "rules", *sorted((DEPLOYED / "tests").glob("*.yml")))
    assert code == 0, said


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize(("always", "case"), [("vector(1)", "does not fire"), ("vector(1) == 0", "fires")])
async def test_an_alert_that_is_always_or_never_on_fails_a_case(
    promtool: Path, tmp_path: Path, alert: str, always: str, case: str
) -> None:
    shutil.copytree(DEPLOYED, tmp_path, dirs_exist_ok=True)
    rules = tmp_path / "rules" / "alerts.yml"
    broken = yaml.safe_load(rules.read_text(encoding="utf-8"))
    (rule,) = (rule for group in broken["groups"] for rule in group["rules"] if rule["alert"] == alert)
    rule["expr"] = always
    rules.write_text(yaml.safe_dump(broken, allow_unicode=True), encoding="utf-8")

    cases = [file for file in sorted((tmp_path / "tests").glob("*.yml")) if alert in file.read_text(encoding="utf-8")]
    assert cases
    code, _ = await _run(promtool, "test", "rules", *cases)

    assert code != 0, f"no case in which {alert} {case}"


def test_a_quantile_is_judged_at_the_edge_of_a_bucket() -> None:
    """Between edges it is a guess: it would pass for more than the threshold while nothing is."""
    recorded = _quantiles()
    judged = {
        alert: (float(found["threshold"]), recorded[found["record"]])
        for alert, rule in ALERTS.items()
        if (found := _JUDGED.fullmatch(rule["expr"])) and found["record"] in recorded
    }
    assert judged.keys() == {"DondocHttpSlow", "DondocMessagesLate", "DondocDeadlinesLate"}
    assert [alert for alert, (threshold, buckets) in judged.items() if threshold not in buckets] == []


def _quantiles() -> dict[str, frozenset[float]]:
    """Return the edges of the buckets of each quantile that is recorded."""
    groups = yaml.safe_load((RULES / "recording.yml").read_text(encoding="utf-8"))["groups"]
    return {
        rule["record"]: edges()[name]
        for group in groups
        for rule in group["rules"]
        for name in names_in(rule["expr"]) & edges().keys()
    }


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_it_means_how_urgent_it_is_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["for"]
    for text in ("summary", "description"):
        assert BILINGUAL in rule["annotations"][text], f"{text} in Vietnamese and English"
    page = RUNBOOKS / Path(rule["annotations"]["runbook_url"]).name
    assert rule["annotations"]["runbook_url"] == f"/runbooks/{page.name}"
    assert alert in page.read_text(encoding="utf-8"), "its page names it"


def test_every_runbook_is_listed_and_belongs_to_an_alert() -> None:
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    named = {Path(rule["annotations"]["runbook_url"]).name for rule in ALERTS.values()}
    pages = {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert pages == named
    assert all(f"({page})" in index for page in pages)
    assert all(alert in index for alert in ALERTS)
