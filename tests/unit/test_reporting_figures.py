"""The office's figures for Prometheus are bounded, however many agencies there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest

from services.reporting import metrics
from services.reporting.rules.summary import Row, Summary
from services.reporting.store.counters import COUNTERS, RATED
from shared.office.vocabulary import Timeliness

_STATES: Final = 5


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    metrics._clear()


def test_no_more_than_a_thousand_agencies_are_shown_one_by_one() -> None:
    metrics._show(_summary(agencies=1_500))
    assert len(_series("dondoc_tasks_by_agency")) == 1_000 * _STATES


def test_all_agencies_are_counted_together() -> None:
    metrics._show(_summary(agencies=1_500))
    assert sum(_series("dondoc_tasks")) == 1_500 * len(Timeliness)


def test_rates_are_shown_only_where_there_is_something_to_rate() -> None:
    """Of three tasks with a term, one is completed on time, one late, one is overdue."""
    metrics._show(_summary(agencies=1))
    assert _series("dondoc_tasks_ratio") == [0.6667, 0.3333]
    metrics._show(_summary(agencies=0))
    assert _series("dondoc_tasks_ratio") == []


def _summary(agencies: int) -> Summary:
    """One task of each kind for each agency."""
    counters = (*COUNTERS, *RATED)
    rows = tuple(Row(f"{number:04}", None, dict.fromkeys(counters, 1)) for number in range(agencies))
    return Summary(rows, Row(None, None, dict.fromkeys(counters, agencies)), datetime(2026, 11, 24, tzinfo=UTC))


def _series(name: str) -> list[float]:
    gauges = (metrics.TASKS, metrics.TASKS_BY_AGENCY, metrics.RATES)
    return [
        sample.value
        for gauge in gauges
        for family in gauge.collect()
        for sample in family.samples
        if sample.name == name
    ]
