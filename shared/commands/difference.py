"""The differences that `check` finds, the advice for each kind, and comparisons that several services use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from shared.events.names import task_event
from shared.events.task import HistoryEntry


class DifferenceKind(StrEnum):
    MISSED = "missed-event"
    NOT_TOLD = "not-told"
    DIFFERS = "differs"
    AHEAD = "ahead"
    UNKNOWN = "unknown-task"
    BROKEN = "broken-history"
    UNFINISHED = "unfinished-batch"
    WAITING = "waiting-outbox"


_SENT_AGAIN: Final = frozenset({DifferenceKind.MISSED, DifferenceKind.NOT_TOLD})
_DIRECTORY: Final = ("agency:", "account:")
_RESEND: Final = "python -m services.assignment resend"
_MOST_NAMED: Final = 100
"""How many tasks a call names; above that it sends all."""
_RESTORED: Final = "assignment was restored from an older backup: restore this service's of the same moment"
ADVICE: Final[Mapping[DifferenceKind, str]] = MappingProxyType(
    {
        DifferenceKind.MISSED: (
            "let assignment send it again, by the call below; or replay it, if it is among the dead letters"
        ),
        DifferenceKind.NOT_TOLD: "let assignment send it again, by the call below; who was told is not told twice",
        DifferenceKind.DIFFERS: (
            "a fault of the program, or a change by hand: keep this line and the log, and report it"
        ),
        DifferenceKind.AHEAD: _RESTORED,
        DifferenceKind.UNKNOWN: _RESTORED,
        DifferenceKind.BROKEN: (
            "a change by hand, or a fault of the program: restore the task from a backup, and report it"
        ),
        DifferenceKind.UNFINISHED: "assignment finishes it by itself while it runs: see its log for what stops it",
        DifferenceKind.WAITING: "assignment publishes it by itself while it runs and RabbitMQ answers: see its log",
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `subject` is the id of an event, a task or a batch, or the name of a collection."""

    kind: DifferenceKind
    subject: str
    detail: str


def resend_calls(differences: Iterable[Difference]) -> list[str]:
    """Return the calls of assignment's `resend` that send what is missed again; none if nothing is missed."""
    missed_by = [one.subject for one in differences if one.kind in _SENT_AGAIN]
    tasks = dict.fromkeys(subject.partition(":")[0] for subject in missed_by if not subject.startswith(_DIRECTORY))
    calls = [f"{_RESEND} --directory"] if any(subject.startswith(_DIRECTORY) for subject in missed_by) else []
    if len(tasks) > _MOST_NAMED:
        return [f"{_RESEND} --all"]
    return [*calls, f"{_RESEND} --task {' '.join(tasks)}"] if tasks else calls


@dataclass(frozen=True, slots=True)
class KnownState:
    """The state of an agency or an account: the sequence of its last event, and the fields that are compared."""

    sequence: int
    content: Mapping[str, Any]


def missed(
    task_id: str, history: Sequence[HistoryEntry], sequences: Iterable[int], consequence: str
) -> list[Difference]:
    """Return a difference for each of these versions of a task, whose events the service has missed."""
    acts = {entry.sequence: entry.act for entry in history}
    return [
        Difference(DifferenceKind.MISSED, f"{task_id}:{sequence}", f"{task_event(acts[sequence])}: {consequence}")
        for sequence in sequences
        if sequence in acts
    ]


def compare_known(
    what: str, event_type: str, theirs: Mapping[str, KnownState], ours: Mapping[str, KnownState]
) -> Iterator[Difference]:
    """Compare the service's copy of the directory with assignment's; event ids begin with `what`."""
    nothing = KnownState(0, {})
    for key, their in theirs.items():
        our = ours.get(key, nothing)
        for sequence in range(our.sequence + 1, their.sequence + 1):
            yield Difference(DifferenceKind.MISSED, f"{what}:{key}:{sequence}", f"{event_type}: not known here")
        if our.sequence > their.sequence:
            detail = f"version {our.sequence} here, {their.sequence} at assignment"
            yield Difference(DifferenceKind.AHEAD, f"{what}:{key}", detail)
        elif our.sequence == their.sequence and our.content != their.content:
            names = sorted(name for name in their.content if their.content[name] != our.content.get(name))
            yield Difference(DifferenceKind.DIFFERS, f"{what}:{key}", f"version {our.sequence}: {', '.join(names)}")
