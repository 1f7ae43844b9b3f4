"""What may be asked of Prometheus: every name that the services measure or the rules record, with its labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final

import yaml  # type: ignore[import-untyped]
from prometheus_client.metrics import Counter, Histogram, MetricWrapperBase

from deploy.local.prometheus import RULES
from services.assignment.directory import metrics as of_sign_in
from services.assignment.tasks import metrics as of_tasks
from services.deadline import metrics as of_deadline
from services.notification import metrics as of_notification
from services.reporting import metrics as of_reporting
from shared import metrics as of_http
from shared.messaging import metrics as of_messages

_MODULES: Final = (of_http, of_messages, of_sign_in, of_tasks, of_deadline, of_notification, of_reporting)
# By whom something was scraped; on every series.
_OF_SCRAPES: Final = frozenset({"job", "instance"})
_OF_PROMETHEUS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "up": _OF_SCRAPES,
        "scrape_samples_scraped": _OF_SCRAPES,
        "process_resident_memory_bytes": _OF_SCRAPES,
        "process_cpu_seconds_total": _OF_SCRAPES,
        "ALERTS": _OF_SCRAPES | {"alertname", "alertstate", "severity", "service"},
    }
)
_SELECTED: Final = re.compile(r"(?P<name>[A-Za-z_:][\w:]*)\{(?P<matchers>[^}]*)\}")
_GROUPED: Final = re.compile(r"by \((?P<labels>[^)]*)\)")
_NAME: Final = re.compile(r"\b(?:[a-z_]+:)?(?:dondoc|process|scrape)_\w+(?::\w+)?|\bALERTS\b|\bup\b")
_QUOTED: Final = re.compile(r'"[^"]*"')


def measured() -> dict[str, frozenset[str]]:
    """Return the labels of everything that can be asked for, by its name."""
    return {name: labels for module in _MODULES for name, labels in _of(module)} | _recorded() | dict(_OF_PROMETHEUS)


def edges() -> dict[str, frozenset[float]]:
    """Return the edges of each histogram's buckets, by the name that is asked for."""
    return {
        f"{family.name}_bucket": frozenset(metric._kwargs["buckets"])
        for module in _MODULES
        for metric in vars(module).values()
        if isinstance(metric, Histogram)
        for family in metric.describe()
    }


def names_in(expression: str) -> set[str]:
    return set(_NAME.findall(_QUOTED.sub('""', expression)))


def labels_in(expression: str) -> Iterator[tuple[str, str]]:
    """Yield each label by which an expression selects or groups, and the name selected (`""` for a grouping)."""
    for found in _SELECTED.finditer(expression):
        for matcher in re.findall(r"(\w+)[=!]", _QUOTED.sub('""', found["matchers"])):
            yield found["name"], matcher
    for found in _GROUPED.finditer(expression):
        for label in found["labels"].split(", "):
            yield "", label


def _of(module: ModuleType) -> Iterator[tuple[str, frozenset[str]]]:
    for metric in vars(module).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        (family,) = metric.describe()
        labels = frozenset(metric._labelnames) | _OF_SCRAPES
        if isinstance(metric, Histogram):
            yield f"{family.name}_bucket", labels | {"le"}
        else:
            yield f"{family.name}{'_total' if isinstance(metric, Counter) else ''}", labels


def _recorded() -> dict[str, frozenset[str]]:
    """A recording is named for the labels that it keeps: `service_outcome:…:rate5m`."""
    groups: list[dict[str, Any]] = yaml.safe_load((RULES / "recording.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["record"]: frozenset(_kept_by(rule["expr"])) for group in groups for rule in group["rules"]}


def _kept_by(expression: str) -> list[str]:
    grouped = _GROUPED.search(expression)
    return grouped["labels"].split(", ") if grouped else []
