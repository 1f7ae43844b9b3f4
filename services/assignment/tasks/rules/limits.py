"""How much one task takes. What closes a task always fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.office.refusal import Code, Refusal

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import Task

EXTENSION_REQUESTS: Final = 20
RETURNS_AND_RULINGS: Final = 50
WORK_ENTRIES: Final = 500
ADJUSTMENTS: Final = 50


def must_take_a_request(task: Task) -> None:
    if len(task.extension.requests) >= EXTENSION_REQUESTS:
        raise Refusal(Code.TASK_FULL)


def must_take_a_return(task: Task) -> None:
    """Refuse to send a report or an explanation back once more; accepting one is always possible."""
    if task.report.returns + task.explanation.refusals >= RETURNS_AND_RULINGS:
        raise Refusal(Code.TASK_FULL)


def must_take_a_work_entry(task: Task) -> None:
    """Refuse one more entry of progress, contribution or urging."""
    if task.progressions + task.contributions + task.urgings >= WORK_ENTRIES:
        raise Refusal(Code.TASK_FULL)


def must_take_an_adjustment(task: Task) -> None:
    """Refuse one more correction, delegation or reassignment: each keeps its texts in the history for good."""
    if task.adjustments >= ADJUSTMENTS:
        raise Refusal(Code.TASK_FULL)
