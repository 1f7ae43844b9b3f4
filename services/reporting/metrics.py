"""The office's figures for Prometheus; only reporting exports them, and every replica exports the same."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Gauge

from services.reporting.rules.question import GroupBy, Question
from services.reporting.rules.rates import completion_rate, on_time_rate
from shared.office.vocabulary import Timeliness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.reporting.handlers import Summaries
    from services.reporting.rules.summary import Summary

_log = structlog.get_logger(__name__)

TASKS: Final = Gauge("dondoc_tasks", "Tasks by timeliness.", ["timeliness"])
TASKS_BY_AGENCY: Final = Gauge(
    "dondoc_tasks_by_agency", "Tasks by lead agency and state; a task may be in several states.", ["agency", "state"]
)
RATES: Final = Gauge(
    "dondoc_tasks_ratio",
    "Share of the tasks with a term, completed or overdue, that are completed: `completion`, or `on_time`.",
    ["rate"],
)
_MOST_AGENCIES: Final = 1_000
_DRAWN_WITHIN_SECONDS: Final = 5.0

# A state of TASKS_BY_AGENCY, and the counters of a summary that make it up.
_STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "open": (
        Timeliness.NO_DEADLINE,
        Timeliness.ON_TRACK,
        Timeliness.DUE_SOON,
        Timeliness.DUE_TODAY,
        Timeliness.OVERDUE,
    ),
    "overdue": (Timeliness.OVERDUE,),
    "not_received": ("not_received",),
    "finished_unreported": ("finished_unreported",),
    "explanations_due": ("explanations_due",),
}


class Figures:
    """Counts the figures again when they are scraped, but at most every `keep_seconds` seconds."""

    def __init__(self, summaries: Summaries, keep_seconds: float) -> None:
        self._summaries = summaries
        self._keep_seconds = keep_seconds
        self._drawn_at = float("-inf")

    async def refresh(self) -> None:
        """Export the current figures, or none if they cannot be counted: an old figure would pass for a new one."""
        if monotonic() - self._drawn_at < self._keep_seconds:
            return
        self._drawn_at = monotonic()
        try:
            async with asyncio.timeout(_DRAWN_WITHIN_SECONDS):
                _show(await self._summaries.draw(Question(GroupBy.AGENCY)))
        except Exception as error:  # noqa: BLE001 - the other metrics are shown all the same, above all now
            _log.warning("figures_not_drawn", error=str(error))
            _clear()


def _show(summary: Summary) -> None:
    _clear()
    for timeliness in Timeliness:
        TASKS.labels(str(timeliness)).set(summary.total.counts[timeliness])
    for name, rate in (("completion", completion_rate), ("on_time", on_time_rate)):
        if (share := rate(summary.total.counts)) is not None:
            RATES.labels(name).set(share)
    for row in summary.rows[:_MOST_AGENCIES]:
        for state, counters in _STATES.items():
            TASKS_BY_AGENCY.labels(row.key, state).set(sum(row.counts[counter] for counter in counters))


def _clear() -> None:
    TASKS.clear()
    TASKS_BY_AGENCY.clear()
    RATES.clear()
