"""Each dashboard is whole by itself, readable in two languages, and leads to where one goes on."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.installation import PROJECT
from deploy.local.prometheus import RULES
from tests.monitoring.dashboards import Dashboard, Panel, dashboards
from tests.monitoring.measured import labels_in, measured, names_in

DASHBOARDS: Final = dashboards()
PANELS: Final = [panel for dashboard in DASHBOARDS for panel in dashboard.panels]
ASKING: Final = [panel for panel in PANELS if panel.asks]
TAG: Final = "dondoc"
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
def test_panels_have_titles_of_their_own(dashboard: Dashboard) -> None:
    titles = [panel.title for panel in dashboard.panels]
    assert sorted(titles) == sorted(set(titles))


@_each_dashboard
def test_it_leads_to_all_that_have_its_tag(dashboard: Dashboard) -> None:
    link, _ = dashboard.content["links"]
    assert (link["type"], link["tags"], dashboard.content["tags"]) == ("dashboards", [TAG], [TAG])


@_each_dashboard
def test_it_leads_to_the_runbooks_as_the_gateway_serves_them(dashboard: Dashboard) -> None:
    _, link = dashboard.content["links"]
    assert (link["type"], link["url"]) == ("link", "/runbooks/README.md")
    assert "./docs/runbooks:/srv/runbooks:ro" in (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")


@_each_dashboard
def test_the_dashboards_that_it_names_are_there(dashboard: Dashboard) -> None:
    assert set(re.findall(r"/d/([\w-]+)", dashboard.path.read_text(encoding="utf-8"))) <= set(UIDS) - {dashboard.uid}


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
    defaults = panel.content["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert _in_two_languages(defaults["noValue"])


@_each_panel
def test_a_panel_asks_for_what_is_measured_by_the_labels_that_it_has(panel: Panel) -> None:
    known = measured()
    for expression in panel.expressions:
        names = names_in(expression)
        assert names, expression
        assert names - known.keys() == set()
        labels_of_any = frozenset[str]().union(*(known[name] for name in names))
        for name, label in labels_in(expression):
            assert label in (known[name] if name else labels_of_any), f"{name} has no {label}: {expression}"


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


def test_the_list_of_alerts_says_each_in_words_and_names_its_page() -> None:
    """Prometheus gives the alerts of a panel their labels alone, not where to read on."""
    (overview,) = (dashboard for dashboard in DASHBOARDS if dashboard.uid == "dondoc-overview")
    (panel,) = (panel for panel in overview.panels if panel.content["type"] == "table")
    words = {alert: text for options in panel.value_mappings for alert, text in options.items()}
    groups = yaml.safe_load((RULES / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    severities = {rule["labels"]["severity"] for rule in alerts.values()}
    assert words.keys() == {"firing", "pending"} | severities | alerts.keys()
    for name, rule in alerts.items():
        assert _in_two_languages(words[name])
        assert words[name].endswith(f"({Path(rule['annotations']['runbook_url']).name})")


def _in_two_languages(text: str) -> bool:
    vietnamese, _, english = text.rpartition(" · ")
    return bool(vietnamese) and bool(english) and english.isascii()
