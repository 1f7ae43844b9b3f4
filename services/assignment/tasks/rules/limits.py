"""Limits on the entries of one task, and on what a batch writes. The acts that close a task have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.office.refusal import Code, FieldCode, Refusal, Violation

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import Task

EXTENSION_REQUESTS: Final = 20
RETURNS_AND_REFUSALS: Final = 50
WORK_ENTRIES: Final = 500
ADJUSTMENTS: Final = 50
BATCH_MEGABYTES: Final = 50
_MEGABYTE: Final = 1_000_000


def require_room_for_request(task: Task) -> None:
    """Refuse one more request for an extension."""
    _require_room(len(task.extension.requests), EXTENSION_REQUESTS)


def require_room_for_return(task: Task) -> None:
    """Refuse to send a report or an explanation back once more; accepting one is always possible."""
    _require_room(task.report.returns + task.explanation.refusals, RETURNS_AND_REFUSALS)


def require_room_for_work_entry(task: Task) -> None:
    """Refuse one more entry of progress, contribution or urging."""
    _require_room(task.progressions + task.contributions + task.urgings, WORK_ENTRIES)


def require_room_for_adjustment(task: Task) -> None:
    """Refuse one more correction, delegation or reassignment: the history keeps the texts of each."""
    _require_room(task.adjustments, ADJUSTMENTS)


def require_few_bytes(written: int) -> None:
    """Refuse a batch that would write too many bytes: every task of it keeps and sends its texts."""
    if written > BATCH_MEGABYTES * _MEGABYTE:
        raise Refusal(Code.TOO_LARGE, Violation("items", FieldCode.TOO_LARGE, {"limit": f"{BATCH_MEGABYTES} MB"}))


def _require_room(taken: int, most: int) -> None:
    if taken >= most:
        raise Refusal(Code.TASK_FULL)
