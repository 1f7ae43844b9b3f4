"""How pressing an entry is, by its kind: the table `SEVERITY`.

It is derived when an entry is read and never stored, so entries of earlier versions have it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

TASKS_WAITING: Final = "tasks_waiting"
"""The kind of an entry that is of no single task: so many tasks wait for the agency."""


class Severity(StrEnum):
    """What a kind asks of its readers."""

    INFO = "info"  # something was settled: to know, nothing to answer
    ACTION = "action"  # the next act on the task is the reader's, and there is time
    WARNING = "warning"  # a term ends today or has ended, or somebody above had to ask again


SEVERITY: Final[Mapping[str, Severity]] = MappingProxyType(
    {
        "task.assigned": Severity.ACTION,  # to receive
        "task.received": Severity.ACTION,  # to delegate
        "task.refused": Severity.ACTION,  # to reassign or recall
        "task.reassigned": Severity.ACTION,  # to receive, or to hand over
        "task.corrected": Severity.INFO,
        "task.deadline_set": Severity.INFO,
        "task.delegated": Severity.ACTION,  # to carry out, or to hand over
        "task.officer_left": Severity.ACTION,  # to delegate anew
        "task.progressed": Severity.INFO,
        "task.contributed": Severity.INFO,
        "task.extension_requested": Severity.ACTION,  # to decide
        "task.extension_approved": Severity.INFO,
        "task.extension_refused": Severity.WARNING,  # the deadline that seemed too short holds
        "task.reported": Severity.ACTION,  # to accept or return
        "task.report_returned": Severity.ACTION,  # to report again
        "task.completed": Severity.INFO,
        "task.recalled": Severity.INFO,
        "task.urged": Severity.WARNING,
        "task.explanation_required": Severity.WARNING,
        "task.explanation_withdrawn": Severity.INFO,
        "task.explanation_submitted": Severity.ACTION,  # to rule on
        "task.explanation_accepted": Severity.INFO,
        "task.explanation_refused": Severity.WARNING,  # to be explained again
        "deadline.due_soon": Severity.ACTION,
        "deadline.due_today": Severity.WARNING,
        "deadline.missed": Severity.WARNING,
        "deadline.receipt_overdue": Severity.WARNING,
        "deadline.report_missing": Severity.WARNING,
        "deadline.explanation_overdue": Severity.WARNING,
        TASKS_WAITING: Severity.ACTION,  # to receive
    }
)


def severity_of(kind: str) -> Severity:
    """Return how pressing a kind is; `info` for one that a later version of the service has stored."""
    return SEVERITY.get(kind, Severity.INFO)
