"""Each dashboard is whole by itself, readable in two languages, and leads to where one goes on."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.installation import PROJECT
from tests.monitoring.dashboards import Dashboard, Panel, dashboards

DASHBOARDS: Final = dashboards()
PANELS: Final = [panel for dashboard in DASHBOARDS for panel in dashboard.panels]
ASKING: Final = [panel for panel in PANELS if panel.asks]
UIDS: Final = ("dondoc-overview", "dondoc-province", "dondoc-services")

_each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
_each_panel = pytest.mark.parametrize("panel", ASKING, ids=str)


def test_there_are_three_of_them_at_addresses_that_stay() -> None:
    assert tuple(dashboard.uid for dashboard in DASHBOARDS) == UIDS


@_each_dashboard
def test_panels_lie_beside_one_another(dashboard: Dashboard) -> None:
    for one, other in combinations(dashboard.panels, 2):
        assert not one.cells & other.cells, f"{one} lies on {other}"
    assert all(x < 24 for panel in dashboard.panels for x, _ in panel.cells)


@_each_dashboard
def test_panels_have_numbers_of_their_own(dashboard: Dashboard) -> None:
    numbers = [panel.content["id"] for panel in dashboard.panels]
    assert len(numbers) == len(set(numbers))


@_each_dashboard
def test_it_leads_to_the_others(dashboard: Dashboard) -> None:
    linked = {link["url"].removeprefix("/d/") for link in dashboard.content["links"]}
    assert linked == set(UIDS) - {dashboard.uid}


@_each_dashboard
def test_titles_are_vietnamese_first_and_english_second(dashboard: Dashboard) -> None:
    titles = [
        dashboard.content["title"],
        dashboard.content["description"],
        *(panel.title for panel in dashboard.panels),
    ]
    assert [title for title in titles if not _in_two_languages(title)] == []


@_each_panel
def test_a_panel_says_what_it_shows_and_in_what_unit(panel: Panel) -> None:
    assert _in_two_languages(panel.content["description"])
    assert panel.content["fieldConfig"]["defaults"]["unit"]


@_each_panel
def test_a_panel_asks_the_prometheus_that_is_provisioned(panel: Panel) -> None:
    provisioned = PROJECT / "deploy/grafana/provisioning/datasources/prometheus.yml"
    (source,) = yaml.safe_load(provisioned.read_text(encoding="utf-8"))["datasources"]
    asked = [panel.content["datasource"], *(target["datasource"] for target in panel.content["targets"])]
    assert {(one["type"], one["uid"]) for one in asked} == {(source["type"], source["uid"])}


def test_runbooks_that_are_named_are_there() -> None:
    named = {
        path for dashboard in DASHBOARDS for path in re.findall(r"docs/runbooks/[\w.-]+\.md", str(dashboard.content))
    }
    assert "docs/runbooks/README.md" in named
    assert sorted(path for path in named if not (PROJECT / path).is_file()) == []


def _in_two_languages(text: str) -> bool:
    vietnamese, _, english = text.rpartition(" · ")
    return bool(vietnamese) and bool(english) and english.isascii()
