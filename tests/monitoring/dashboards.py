"""The dashboards as Grafana reads them: panels, the questions they ask, and what stands for their variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from deploy.local.installation import PROJECT

FOLDER: Final = PROJECT / "deploy" / "grafana" / "dashboards"
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<metric>\w+), (?P<label>\w+)\)")
# Longer than a test lives: what happened in it lies within.
_RATE_INTERVAL: Final = "5m"


@dataclass(frozen=True)
class Panel:
    dashboard: str
    content: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.content['title']}"

    @property
    def title(self) -> str:
        return str(self.content["title"])

    @property
    def asks(self) -> bool:
        """Whether it shows figures; rows and texts do not."""
        return "targets" in self.content

    @property
    def cells(self) -> set[tuple[int, int]]:
        """The cells of the grid that it covers."""
        at = self.content["gridPos"]
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


@dataclass(frozen=True)
class Dashboard:
    path: Path

    @cached_property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content

    @property
    def uid(self) -> str:
        return str(self.content["uid"])

    @property
    def panels(self) -> list[Panel]:
        return [Panel(self.uid, content) for content in self.content["panels"]]

    @property
    def variables(self) -> list[tuple[str, str, str]]:
        """The variables: a name, and the metric and label whose values may be chosen."""
        found = []
        for variable in self.content["templating"]["list"]:
            values = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert values, variable["query"]
            found.append((variable["name"], values["metric"], values["label"]))
        return found

    def questions(self) -> Iterator[tuple[Panel, str]]:
        """Yield what each panel asks Prometheus while all values of each variable are chosen."""
        standing = {f"${name['name']}": name["allValue"] for name in self.content["templating"]["list"]}
        for panel in self.panels:
            for target in panel.content.get("targets", []):
                question = target["expr"]
                for name, value in {"$__rate_interval": _RATE_INTERVAL, **standing}.items():
                    question = question.replace(name, value)
                assert "$" not in question, f"{panel} has a variable that nobody fills: {question}"
                yield panel, question


def dashboards() -> list[Dashboard]:
    return [Dashboard(path) for path in sorted(FOLDER.glob("*.json"))]
