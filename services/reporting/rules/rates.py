"""The rates of a row: completed tasks against completed and overdue ones. Tasks without a due moment do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.office.vocabulary import Timeliness

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETED_ON_TIME_WITH_DUE_MOMENT: Final = "completed_on_time_of_term"
"""The counter of the tasks that had a due moment and were completed on time."""
_DECIMALS: Final = 4


def completion_rate(counts: Mapping[str, int]) -> float | None:
    """Return the share that is completed, of the tasks that are completed or overdue; None if there are none."""
    completed = _completed(counts)
    return _ratio(completed, completed + counts[Timeliness.OVERDUE])


def on_time_rate(counts: Mapping[str, int]) -> float | None:
    """Return the share that is completed on time, of the same tasks; None if there are none."""
    return _ratio(counts[COMPLETED_ON_TIME_WITH_DUE_MOMENT], _completed(counts) + counts[Timeliness.OVERDUE])


def _completed(counts: Mapping[str, int]) -> int:
    return counts[COMPLETED_ON_TIME_WITH_DUE_MOMENT] + counts[Timeliness.COMPLETED_LATE]


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, _DECIMALS) if whole else None
