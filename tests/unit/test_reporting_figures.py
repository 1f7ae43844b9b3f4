"""The office's figures for Prometheus are bounded, however many agencies there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

import pytest

from services.reporting import metrics
from services.reporting.metrics import Figures
from services.reporting.rules.question import Question
from services.reporting.rules.summary import Row, Summary
from services.reporting.store.counters import COUNTERS, RATED
from shared.office.vocabulary import Timeliness

if TYPE_CHECKING:
    from services.reporting.handlers import Summaries

_STATES: Final = 5


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    metrics._clear()


def test_no_more_than_a_thousand_agencies_are_shown_one_by_one() -> None:
    metrics._show(_summary(agencies=1_500))
    assert len(_series("dondoc_tasks_by_agency")) == 1_000 * _STATES


def test_the_agencies_that_are_shown_are_those_with_the_most_overdue() -> None:
    summary = _summary(agencies=1_500)
    rows = [replace(row, counts={**row.counts, "overdue": place}) for place, row in enumerate(summary.rows)]
    metrics._show(replace(summary, rows=tuple(rows)))
    assert sorted(_agencies()) == [f"{number:04}" for number in range(500, 1_500)]


def test_the_totals_are_those_of_all_agencies() -> None:
    metrics._show(_summary(agencies=10_000))
    assert _series("dondoc_tasks_in_state") == [50_000, *[10_000] * 4]


async def test_a_slow_count_holds_up_no_scrape_and_the_last_figures_stay() -> None:
    """The second count never ends, the third fails."""
    counts = _Counts(_summary(agencies=1))
    figures = Figures(cast("Summaries", counts), keep_seconds=0)
    await figures.refresh()
    drawn = _series("dondoc_tasks_drawn_timestamp_seconds")
    counts.is_held = True
    figures._next_at = 0
    await figures.refresh()
    assert (_series("dondoc_tasks")[0], counts.begun) == (1, 2)
    await figures.refresh()
    assert counts.begun == 2
    await figures.stop()
    counts.is_held, counts.fails = False, True
    figures._next_at = 0
    await figures.refresh()
    assert counts.begun == 3
    assert (_series("dondoc_tasks")[0], _series("dondoc_tasks_drawn_timestamp_seconds")) == (1, drawn)


@dataclass
class _Counts:
    """Counts as the test says: at once, never, or not at all."""

    summary: Summary
    is_held: bool = False
    fails: bool = False
    begun: int = 0

    async def draw_slowly(self, _question: Question) -> Summary:
        self.begun += 1
        if self.is_held:
            await asyncio.Event().wait()
        if self.fails:
            raise ConnectionError
        return self.summary


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


def _agencies() -> set[str]:
    (family,) = metrics.TASKS_BY_AGENCY.collect()
    return {sample.labels["agency"] for sample in family.samples}


def _series(name: str) -> list[float]:
    gauges = (metrics.TASKS, metrics.TASKS_BY_STATE, metrics.TASKS_BY_AGENCY, metrics.RATES, metrics.DRAWN_AT)
    return [
        sample.value
        for gauge in gauges
        for family in gauge.collect()
        for sample in family.samples
        if sample.name == name
    ]
