"""Limits on the entries of one task, and on what a batch writes. The acts that close a task have none.

Each side has limits of its own, so what one of them writes never uses up the acts of another. Entries are limited
twice: by their number and by the bytes of their texts. The bytes keep the longest task within what MongoDB keeps in one
record; `docs/adr/0028-what-one-task-takes-now.md` has the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from services.assignment.tasks.rules.state import Quota
from services.assignment.tasks.rules.tally import is_counted, quota_of, used
from shared.office.refusal import Code, FieldCode, Refusal, Violation

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import Task
    from shared.office.access import Principal


class Most(NamedTuple):
    """What a quota takes: entries, bytes of texts, and entries of one agency, where many write."""

    entries: int
    bytes: int
    of_one_agency: int | None = None


MOST: Final[Mapping[Quota, Most]] = MappingProxyType(
    {
        Quota.CORRECTIONS: Most(50, bytes=1_000_000),
        Quota.REASSIGNMENTS: Most(20, bytes=400_000),
        Quota.DELEGATIONS: Most(50, bytes=500_000),
        Quota.PROGRESS: Most(400, bytes=1_200_000),
        Quota.CONTRIBUTIONS: Most(300, bytes=1_200_000, of_one_agency=30),
        Quota.URGINGS: Most(100, bytes=400_000),
        Quota.URGINGS_OF_MONITOR: Most(100, bytes=400_000),
        Quota.REQUESTS: Most(20, bytes=400_000),
        Quota.RETURNS: Most(50, bytes=2_400_000),
    }
)
BATCH_MEGABYTES: Final = 50
_MEGABYTE: Final = 1_000_000


def is_full(task: Task, fact: str, caller: Principal) -> bool:
    """Whether the task takes no more entries of this fact from the caller; facts that close a task always fit."""
    quota = quota_of(fact, caller.role)
    if quota is None or not is_counted(fact):
        return False
    most, in_all = MOST[quota], used(task.tally, quota)
    if in_all.entries >= most.entries or in_all.bytes >= most.bytes:
        return True
    return most.of_one_agency is not None and used(task.tally, quota, caller.agency).entries >= most.of_one_agency


def require_few_bytes(written: int) -> None:
    """Refuse a batch that would write too many bytes: every task of it keeps and sends its texts."""
    if written > BATCH_MEGABYTES * _MEGABYTE:
        raise Refusal(Code.TOO_LARGE, Violation("items", FieldCode.TOO_LARGE, {"limit": f"{BATCH_MEGABYTES} MB"}))
