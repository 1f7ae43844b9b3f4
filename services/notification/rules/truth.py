"""Whether a reminder is still true when it is told. Nobody is reminded of, or blamed for, what was done meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from shared.office.vocabulary import AT_WORK, OWED, ExplanationState, Stage

if TYPE_CHECKING:
    from shared.events.deadline import DeadlineReached
    from shared.events.task import Task

_BEFORE_THE_DEADLINE: Final = frozenset({"deadline.due_soon", "deadline.due_today"})


@dataclass(frozen=True, slots=True)
class KnownTask:
    """What decides whether a reminder of a task is true, in the latest version that has arrived."""

    id: str
    sequence: int
    lead_agency: str
    stage: Stage
    due_at: datetime | None
    receipt_due_at: datetime
    report_due_at: datetime | None
    explanation: ExplanationState
    explanation_due_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> KnownTask:
        return cls(
            id=task.id,
            sequence=task.version,
            lead_agency=task.lead_agency,
            stage=task.stage,
            due_at=task.due_at,
            receipt_due_at=task.receipt_due_at,
            report_due_at=task.report_due_at,
            explanation=task.explanation.state,
            explanation_due_at=task.explanation.due_at,
        )


def is_untrue(kind: str, reached: DeadlineReached, told_at: datetime, known: KnownTask | None) -> bool:
    """Whether a reminder that is told at this moment is contradicted: by time, or by a later version of its task.

    Of a task that is not known, or not in a later version, nothing is known that the event does not know itself.
    """
    if kind in _BEFORE_THE_DEADLINE and reached.due_at is not None and told_at > reached.due_at:
        return True
    if known is None or known.sequence <= reached.sequence:
        return False
    return known.lead_agency != reached.lead_agency or not _HOLDS[kind](known, reached)


def _is_due(known: KnownTask, reached: DeadlineReached) -> bool:
    return known.stage in AT_WORK and known.due_at == reached.due_at


def _awaits_receipt(known: KnownTask, reached: DeadlineReached) -> bool:
    return known.stage is Stage.ASSIGNED and known.receipt_due_at <= reached.moment


def _lacks_report(known: KnownTask, reached: DeadlineReached) -> bool:
    return known.stage is Stage.IN_PROGRESS and _has_ended(known.report_due_at, reached)


def _owes_explanation(known: KnownTask, reached: DeadlineReached) -> bool:
    owes = known.explanation in OWED and known.stage is not Stage.RECALLED
    return owes and _has_ended(known.explanation_due_at, reached)


def _has_ended(term: datetime | None, reached: DeadlineReached) -> bool:
    """Whether the term that is known had ended at the moment of the event; a later one may have replaced it."""
    return term is not None and term <= reached.moment


_Holds: TypeAlias = Callable[[KnownTask, "DeadlineReached"], bool]
# By kind: whether what the event says holds for a later version. Nobody is told of a miss as such.
_HOLDS: Final[Mapping[str, _Holds]] = MappingProxyType(
    {
        "deadline.due_soon": _is_due,
        "deadline.due_today": _is_due,
        "deadline.receipt_overdue": _awaits_receipt,
        "deadline.report_missing": _lacks_report,
        "deadline.explanation_overdue": _owes_explanation,
    }
)
