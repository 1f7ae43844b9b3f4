"""The office's figures for Prometheus; only reporting exports them, and every replica exports the same."""

from __future__ import annotations

import asyncio
from heapq import nsmallest
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Gauge

from services.reporting.rules.question import GroupBy, Question
from services.reporting.rules.rates import completion_rate, on_time_rate
from shared.background import end
from shared.office.vocabulary import Timeliness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.reporting.handlers import Summaries
    from services.reporting.rules.summary import Row, Summary

_log = structlog.get_logger(__name__)

TASKS: Final = Gauge("dondoc_tasks", "Tasks by timeliness.", ["timeliness"])
TASKS_BY_AGENCY: Final = Gauge(
    "dondoc_tasks_by_agency", "Tasks by lead agency and state; a task may be in several states.", ["agency", "state"]
)
TASKS_BY_STATE: Final = Gauge(
    "dondoc_tasks_in_state", "Tasks of all agencies by state; a task may be in several states.", ["state"]
)
DRAWN_AT: Final = Gauge(
    "dondoc_tasks_drawn_timestamp_seconds", "When the figures of tasks were counted, in seconds since 1970; 0: never."
)
RATES: Final = Gauge(
    "dondoc_tasks_ratio",
    "Share of the tasks with a term, completed or overdue, that are completed: `completion`, or `on_time`.",
    ["rate"],
)
_MOST_AGENCIES: Final = 1_000
"""More agencies are not shown one by one: those with the most overdue tasks come first."""
_WAITED_FOR_SECONDS: Final = 2.0
_DRAWN_WITHIN_SECONDS: Final = 120.0
_REST: Final = 4

# A state, and the counters of a summary that make it up.
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
    """Counts the figures in the background: when they are scraped, but not while they are young or being counted.

    At a million tasks a count takes several seconds. A scrape waits a moment for it, then shows what was counted last;
    `DRAWN_AT` says how old that is.
    """

    def __init__(self, summaries: Summaries, keep_seconds: float) -> None:
        self._summaries = summaries
        self._keep_seconds = keep_seconds
        self._next_at = float("-inf")
        self._drawing: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Begin to count if it is time, and wait a moment for the figures."""
        if self._drawing is None and monotonic() >= self._next_at:
            self._drawing = asyncio.create_task(self._draw(), name="reporting: figures")
        if self._drawing is not None:
            await asyncio.wait([self._drawing], timeout=_WAITED_FOR_SECONDS)

    async def stop(self) -> None:
        if self._drawing is not None:
            await end(self._drawing)

    async def _draw(self) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(_DRAWN_WITHIN_SECONDS):
                _show(await self._summaries.draw_slowly(Question(GroupBy.AGENCY)))
        except Exception as error:  # noqa: BLE001 - the old figures stay, and their age says so
            _log.warning("figures_not_drawn", error=str(error))
        finally:
            # Counting takes at most a fifth of the time, however long it takes.
            self._next_at = monotonic() + max(self._keep_seconds, _REST * (monotonic() - began))
            self._drawing = None


def _show(summary: Summary) -> None:
    _clear()
    for timeliness in Timeliness:
        TASKS.labels(str(timeliness)).set(summary.total.counts[timeliness])
    for state in _STATES:
        TASKS_BY_STATE.labels(state).set(_number_in(state, summary.total))
    for name, rate in (("completion", completion_rate), ("on_time", on_time_rate)):
        if (share := rate(summary.total.counts)) is not None:
            RATES.labels(name).set(share)
    for row in nsmallest(_MOST_AGENCIES, summary.rows, key=_most_overdue_first):
        for state in _STATES:
            TASKS_BY_AGENCY.labels(row.key, state).set(_number_in(state, row))
    DRAWN_AT.set_to_current_time()


def _number_in(state: str, row: Row) -> int:
    return sum(row.counts[counter] for counter in _STATES[state])


def _most_overdue_first(row: Row) -> tuple[int, int, str]:
    return (-_number_in("overdue", row), -_number_in("open", row), row.key or "")


def _clear() -> None:
    for gauge in (TASKS, TASKS_BY_STATE, TASKS_BY_AGENCY, RATES):
        gauge.clear()
