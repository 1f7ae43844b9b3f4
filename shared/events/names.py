"""The names of events, in the past tense with a version. A name is both the `type` and the routing key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.events.deadline import DeadlineReached
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.task import TaskChanged
from shared.office import labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.events.envelope import Frozen

TASK_FACTS: Final = tuple(labels.FACTS)
"""What can happen to a task; the name of each event is made from it."""
DEADLINE_KINDS: Final = (
    "due_soon",
    "due_today",
    "missed",
    "receipt_overdue",
    "report_missing",
    "explanation_overdue",
)


def task_event(fact: str) -> str:
    """Return the name of the event of a history entry."""
    return f"task.{fact}.v1"


def deadline_event(kind: str) -> str:
    """Return the name of the event of a moment that came."""
    return f"deadline.{kind}.v1"


TASK_EVENTS: Final = tuple(map(task_event, TASK_FACTS))
DEADLINE_EVENTS: Final = tuple(map(deadline_event, DEADLINE_KINDS))
AGENCY_CHANGED: Final = "agency.changed.v1"
ACCOUNT_CHANGED: Final = "account.changed.v1"

DATA_OF: Final[Mapping[str, type[Frozen]]] = {
    **dict.fromkeys(TASK_EVENTS, TaskChanged),
    **dict.fromkeys(DEADLINE_EVENTS, DeadlineReached),
    AGENCY_CHANGED: AgencyChanged,
    ACCOUNT_CHANGED: AccountChanged,
}


def kind_of(event_type: str) -> str:
    """Return the name without its version, as an inbox entry's `kind` has it."""
    return event_type.rpartition(".v")[0]
