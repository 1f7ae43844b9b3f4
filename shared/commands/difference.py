"""What `check` finds, what is to be done about it, and how what is kept under a key is compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from shared.events.names import task_event
from shared.events.task import Act


class Kind(StrEnum):
    MISSED = "missed-event"
    NOT_TOLD = "not-told"
    DIFFERS = "differs"
    AHEAD = "ahead"
    UNKNOWN = "unknown-task"
    BROKEN = "broken-history"
    UNFINISHED = "unfinished-batch"
    WAITING = "waiting-outbox"


_RESTORED: Final = "assignment was restored from an older backup: restore this service's of the same moment"
ADVICE: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.MISSED: "replay it if it is among the dead letters; else it was lost with its queue, and stays missed",
        Kind.NOT_TOLD: "tell the person by other means; notification does not make up for it by itself",
        Kind.DIFFERS: "a fault of the program, or a change by hand: keep this line and the log, and report it",
        Kind.AHEAD: _RESTORED,
        Kind.UNKNOWN: _RESTORED,
        Kind.BROKEN: "a change by hand, or a fault of the program: restore the task from a backup, and report it",
        Kind.UNFINISHED: "assignment finishes it by itself while it runs: see its log for what stops it",
        Kind.WAITING: "assignment publishes it by itself while it runs and RabbitMQ answers: see its log",
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `subject` is an event's, a task's or a batch's id, or names a place in the database."""

    kind: Kind
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of an agency or an account: the sequence of the last event taken in, and what it said."""

    sequence: int
    content: Mapping[str, Any]


def missed(task_id: str, history: Sequence[Act], sequences: Iterable[int], consequence: str) -> list[Difference]:
    """Name the events of these versions of a task, which the service has not taken in."""
    acts = {entry.sequence: entry.act for entry in history}
    return [
        Difference(Kind.MISSED, f"{task_id}:{sequence}", f"{task_event(acts[sequence])}: {consequence}")
        for sequence in sequences
        if sequence in acts
    ]


def compare_kept(
    what: str, event_type: str, theirs: Mapping[str, Kept], ours: Mapping[str, Kept]
) -> Iterator[Difference]:
    """Compare what is kept of the directory with assignment's; `what` begins the ids of its events."""
    nothing = Kept(0, {})
    for key, their in theirs.items():
        our = ours.get(key, nothing)
        for sequence in range(our.sequence + 1, their.sequence + 1):
            yield Difference(Kind.MISSED, f"{what}:{key}:{sequence}", f"{event_type}: not known here")
        if our.sequence > their.sequence:
            detail = f"version {our.sequence} here, {their.sequence} at assignment"
            yield Difference(Kind.AHEAD, f"{what}:{key}", detail)
        elif our.sequence == their.sequence and our.content != their.content:
            names = sorted(name for name in their.content if their.content[name] != our.content.get(name))
            yield Difference(Kind.DIFFERS, f"{what}:{key}", f"version {our.sequence}: {', '.join(names)}")
