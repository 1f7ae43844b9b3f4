"""The dashboards as Grafana reads them: panels, the questions they ask, and what stands for their variables."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from deploy.local.installation import PROJECT

FOLDER: Final = PROJECT / "deploy" / "grafana" / "dashboards"
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<metric>\w+), (?P<label>\w+)\)")
_NAMED: Final = re.compile(r"\{\{(\w+)\}\}")
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
    def expressions(self) -> list[str]:
        return [target["expr"] for target in self.content["targets"]]

    @property
    def value_mappings(self) -> list[dict[str, str]]:
        """The words that stand for values, a column each."""
        properties = [one for override in self.content["fieldConfig"]["overrides"] for one in override["properties"]]
        mappings = [mapping for one in properties if one["id"] == "mappings" for mapping in one["value"]]
        return [{value: shown["text"] for value, shown in mapping["options"].items()} for mapping in mappings]

    @property
    def cells(self) -> set[tuple[int, int]]:
        """The cells of the grid that it covers."""
        at = self.content["gridPos"]
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


@dataclass(frozen=True)
class Question:
    """What a panel asks Prometheus, and the labels by which its legend names each series of the answer."""

    panel: Panel
    expression: str
    named_by: frozenset[str]


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

    def questions(self, chosen: Mapping[str, Collection[str]]) -> Iterator[Question]:
        """Yield what each panel asks while values of a variable are chosen (`All` where none are), as Grafana does."""
        standing = {f"${one['name']}": one["allValue"] for one in self.content["templating"]["list"]}
        standing |= {f"${name}": f"({'|'.join(sorted(values))})" for name, values in chosen.items()}
        for panel in self.panels:
            for target in panel.content.get("targets", []):
                expression = target["expr"]
                for name, value in {"$__rate_interval": _RATE_INTERVAL, **standing}.items():
                    expression = expression.replace(name, value)
                assert "$" not in expression, f"{panel} has a variable that nobody fills: {expression}"
                yield Question(panel, expression, frozenset(_NAMED.findall(target["legendFormat"])))


def dashboards() -> list[Dashboard]:
    return [Dashboard(path) for path in sorted(FOLDER.glob("*.json"))]
