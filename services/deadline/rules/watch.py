"""A watched task: its latest state, and which of its moments have been dealt with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.deadline.rules.moments import REMINDERS, MomentKind, WatchedMoment, moments_of, worth_announcing

if TYPE_CHECKING:
    from shared.events.task import Task
    from shared.office.workdays import WorkCalendar


@dataclass(frozen=True, slots=True)
class Watch:
    """A task, when its current deadline became known, and the last moment of each kind that was dealt with."""

    task: Task
    due_since: datetime
    dealt_with: Mapping[MomentKind, datetime] = field(default_factory=dict)

    def pending(self, calendar: WorkCalendar) -> list[WatchedMoment]:
        """Return the moments still to be dealt with, earliest first, whether or not they have come."""
        return [moment for moment in moments_of(self.task, calendar) if not self._is_dealt_with(moment)]

    def next_moment(self, calendar: WorkCalendar) -> WatchedMoment | None:
        return next(iter(self.pending(calendar)), None)

    def _is_dealt_with(self, moment: WatchedMoment) -> bool:
        if moment.kind in REMINDERS and moment.at <= self.due_since:
            return True
        last = self.dealt_with.get(moment.kind)
        return last is not None and moment.at <= last


def observe(before: Watch | None, task: Task, recorded_at: datetime) -> Watch | None:
    """Return the watch after an event of the task; None if the event changes nothing.

    The watch keeps the latest version, and the earliest moment at which its deadline was known. So any order of events
    ends in the same watch: an older version that comes late may show that the deadline was known before.
    """
    if before is None:
        return Watch(task, due_since=recorded_at)
    same_deadline = task.due_at == before.task.due_at
    due_since = min(before.due_since, recorded_at) if same_deadline else recorded_at
    if task.version > before.task.version:
        return replace(before, task=task, due_since=due_since)
    return replace(before, due_since=due_since) if same_deadline and due_since < before.due_since else None


def deal_with(watch: Watch, calendar: WorkCalendar, now: datetime) -> tuple[Watch, list[WatchedMoment]]:
    """Deal with every moment that has come; return the watch after that, and the moments to announce."""
    came = [moment for moment in watch.pending(calendar) if moment.has_come(now)]
    after = replace(watch, dealt_with={**watch.dealt_with, **{moment.kind: moment.at for moment in came}})
    return after, worth_announcing(came, watch.task, calendar, now)
