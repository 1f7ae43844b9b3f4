"""What the dashboards and the rules ask has answers at a real Prometheus that scrapes the services."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.prometheus import RULES
from tests.monitoring.conftest import Watched
from tests.monitoring.dashboards import FOLDER, dashboards

MAY_BE_EMPTY: Final[Mapping[str, str]] = {
    "dondoc-overview: Danh sách cảnh báo · Alerts": "nothing is amiss",
    "dondoc-services: Gửi không được · Publishes failed": "counted from the first failure on",
    "dondoc-services: Tác vụ nền bị lỗi · Background failures": "counted from the first failure on",
}
"""Panels that may show nothing while all is well, and why."""
MOST_SERIES: Final = 10_000


async def test_every_panel_shows_something(watched: Watched) -> None:
    asked = [asking for dashboard in dashboards() for asking in dashboard.questions()]
    answers = await asyncio.gather(*(watched.values(question) for _, question in asked))
    silent = {str(panel): question for (panel, question), numbers in zip(asked, answers, strict=True) if not numbers}
    empty = {panel: question for panel, question in silent.items() if panel not in MAY_BE_EMPTY}
    assert empty == {}


async def test_every_variable_offers_something_to_choose(watched: Watched) -> None:
    offered = {
        name: await _label_values(watched, metric, label)
        for dashboard in dashboards()
        for name, metric, label in dashboard.variables
    }
    services = {"assignment", "deadline", "notification", "reporting"}
    assert offered == {"service": services, "agency": {"stc", "sxd", "snn"}}


async def test_the_province_is_shown_as_it_is(watched: Watched) -> None:
    """Two tasks were done, two missed their deadline, and two more did so without having been received."""
    overdue = 'max by (agency) (dondoc_tasks_by_agency{state="overdue"})'
    shown = {sample["metric"]["agency"]: sample["value"][1] for sample in await watched.prometheus.query(overdue)}
    assert shown == {"stc": "0", "sxd": "2", "snn": "2"}
    assert await watched.values('max(dondoc_tasks{timeliness="completed_on_time"})') == [2]


async def test_every_rule_can_be_judged_and_every_recording_has_an_answer(watched: Watched) -> None:
    rules = _rules()
    answers = await asyncio.gather(*(watched.prometheus.query(rule["expr"]) for rule in rules))
    silent = [rule.get("record") for rule, answer in zip(rules, answers, strict=True) if not answer]
    assert [recording for recording in silent if recording] == []
    judged = [rule for group in (await watched.prometheus.get("rules"))["groups"] for rule in group["rules"]]
    assert len(judged) == len(rules)
    assert {rule["name"]: rule["lastError"] for rule in judged if rule["health"] == "err"} == {}


async def test_no_alert_fires_while_all_is_well(watched: Watched) -> None:
    assert await watched.prometheus.firing() == {}


async def test_whatever_is_measured_is_shown_or_judged(watched: Watched) -> None:
    """A figure that nobody looks at is not worth its series."""
    files = [*FOLDER.glob("*.json"), *RULES.glob("*.yml")]
    asked = {name for file in files for name in re.findall(r"\bdondoc_\w+", file.read_text(encoding="utf-8"))}
    measured = {name for name in await _metrics(watched) if not name.endswith(("_count", "_sum"))}
    assert measured - asked == set()


async def test_a_province_of_a_thousand_agencies_has_few_series(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """One replica of each service; beyond a thousand agencies no more are shown one by one."""
    scraped = sum(await watched.values("scrape_samples_scraped"))
    (of_agencies,) = await watched.values("count(dondoc_tasks_by_agency)")
    (states,) = await watched.values("count(count by (state) (dondoc_tasks_by_agency))")
    series = scraped - of_agencies + 1_000 * states
    with capsys.disabled():
        sys.stdout.write(f"\nseries of one stack at 1,000 agencies: {series:,.0f}\n")
    assert series < MOST_SERIES


async def _label_values(watched: Watched, metric: str, label: str) -> set[str]:
    return set(await watched.prometheus.get(f"label/{label}/values", {"match[]": metric}))


async def _metrics(watched: Watched) -> set[str]:
    names: list[str] = await watched.prometheus.get("label/__name__/values")
    return {name for name in names if name.startswith("dondoc_")}


def _rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in RULES.glob("*.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]
