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
from tests.monitoring.dashboards import FOLDER, Dashboard, Question, dashboards

MAY_BE_EMPTY: Final[Mapping[str, str]] = {
    "dondoc-overview: Danh sách cảnh báo · Alerts": "nothing is amiss",
    "dondoc-services: Kết nối bị ngắt · Connections cut": "counted from the first connection on",
    "dondoc-services: Đăng nhập đang chờ, bị hoãn, bị từ chối · Sign-ins waiting, delayed, refused": (
        "those refused are counted from the first one on"
    ),
    "dondoc-services: Gửi không thành công · Publishes failed": "counted from the first failure on",
    "dondoc-services: Tác vụ nền bị hỏng · Background failures": "counted from the first failure on",
}
"""Panels that may show nothing while all is well, and why."""
MOST_SERIES: Final = 10_000


async def test_every_panel_shows_something_that_has_a_name(watched: Watched) -> None:
    silent, nameless = [], []
    for question in await _questions(watched):
        answer = await watched.samples(question.expression)
        if not answer and str(question.panel) not in MAY_BE_EMPTY:
            silent.append((str(question.panel), question.expression))
        nameless += [str(question.panel) for labels, _ in answer if question.named_by - labels.keys()]
    assert (silent, nameless) == ([], [])


def test_what_may_be_empty_is_a_panel() -> None:
    assert MAY_BE_EMPTY.keys() - {str(panel) for dashboard in dashboards() for panel in dashboard.panels} == set()


async def test_every_variable_offers_something_to_choose(watched: Watched) -> None:
    offered = [await _chosen(watched, dashboard) for dashboard in dashboards()]
    services = {"assignment", "deadline", "notification", "reporting"}
    assert offered == [{}, {"agency": {"stc", "sxd", "snn"}}, {"service": services}]


async def test_the_province_is_shown_as_it_is(watched: Watched) -> None:
    """Two tasks were done, two missed their deadline, and two more did so without having been received."""
    overdue = 'max by (agency) (dondoc_tasks_by_agency{state="overdue"})'
    shown = {sample["metric"]["agency"]: sample["value"][1] for sample in await watched.prometheus.query(overdue)}
    assert shown == {"stc": "0", "sxd": "2", "snn": "2"}
    assert await watched.values('max(dondoc_tasks{timeliness="completed_on_time"})') == [2]
    finished = 'max(dondoc_tasks_in_state{state="finished_unreported"})'
    assert await watched.values(finished) == [2]
    total = (await watched.stack.as_("chair").summary())["total"]
    for rate in ("completion", "on_time"):
        assert await watched.values(f'max(dondoc_tasks_ratio{{rate="{rate}"}})') == [total[f"{rate}_rate"]]


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


async def _questions(watched: Watched) -> list[Question]:
    """Return what all dashboards ask, while `All` is chosen and while every value is."""
    return [
        question
        for dashboard in dashboards()
        for chosen in ({}, await _chosen(watched, dashboard))
        for question in dashboard.questions(chosen)
    ]


async def _chosen(watched: Watched, dashboard: Dashboard) -> dict[str, set[str]]:
    return {name: await watched.offered(metric, label) for name, metric, label in dashboard.variables}


async def _metrics(watched: Watched) -> set[str]:
    names: list[str] = await watched.prometheus.get("label/__name__/values")
    return {name for name in names if name.startswith("dondoc_")}


def _rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in RULES.glob("*.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]
