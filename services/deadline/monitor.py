"""Watches time: finds the tasks whose moment has come, and announces it once for all replicas together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.deadline.metrics import ANNOUNCED, CLAIM_LAG_SECONDS, STEPS
from services.deadline.rules.moments import WatchedMoment
from services.deadline.rules.watch import deal_with
from services.deadline.store import Claim, StoredWatch, WatchStore
from shared.clock import Clock
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event, rfc3339
from shared.events.names import deadline_event, kind_of
from shared.events.task import Task
from shared.office.workdays import WorkCalendar

_log = structlog.get_logger(__name__)

SOURCE: Final = "/deadline"
POISONED_FOR: Final = timedelta(hours=1)

Wake = Callable[[Iterable[str]], None]
MayAnnounce = Callable[[], Awaitable[bool]]


class Monitor:
    """The monitor of one replica. `wake` is called with the tasks in whose outbox an event waits now."""

    def __init__(
        self,
        store: WatchStore,
        clock: Clock,
        calendar: WorkCalendar,
        wake: Wake,
        may_announce: MayAnnounce,
        *,
        poll_interval: float,
        batch: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._calendar = calendar
        self._wake = wake
        self._may_announce = may_announce
        self._poll_interval = poll_interval
        self._batch = batch

    async def run(self) -> None:
        """Step without end: at once while there is work, else every `poll_interval` seconds.

        It ends when a step fails. `Background` runs it again, also after MongoDB was away.
        """
        while True:
            if not await self._counted_step():
                await asyncio.sleep(self._poll_interval)

    async def _counted_step(self) -> bool:
        try:
            return await self.step()
        except Exception:
            STEPS.labels("failed").inc()
            raise

    async def step(self) -> bool:
        """Deal with one batch of tasks whose moment has come; return whether there were any.

        1. Find the tasks whose next moment has passed, the longest waiting first. Leave them for later while deadline
           may have missed what happened to them (`Announcing`).
        2. Decide for each what is announced, and which moment it waits for next.
        3. Claim each by one write, which stores the next moment and puts the events into the outbox. The write does
           nothing if the record has changed, so a moment is announced once, however many replicas run.
        4. Wake the relay for the claims that were won, and measure them.
        """
        now = self._clock.now()
        due = await self._store.due(now, self._batch)
        if due and not await self._may_announce():
            STEPS.labels("paused").inc()
            return False
        claims = [claim for found in due if (claim := await self._decide(found, now))]
        self._conclude(claims, await self._store.claim(claims), now)
        STEPS.labels("found" if due else "idle").inc()
        return bool(due)

    async def _decide(self, found: StoredWatch, now: datetime) -> Claim | None:
        try:
            return self._claim(found, now)
        except Exception:  # noqa: BLE001 - one broken record must not stop the others
            _log.exception("watch_pushed_back", task_id=found.task_id)
            await self._store.push_back(found, now + POISONED_FOR)
            return None

    def _claim(self, found: StoredWatch, now: datetime) -> Claim:
        after, announced = deal_with(found.watch(), self._calendar, now)
        events = [event_of_moment(moment, after.task, now) for moment in announced]
        return Claim(found, after, after.next_moment(self._calendar), events)

    def _conclude(self, claims: Iterable[Claim], won: set[str], now: datetime) -> None:
        ours = [claim for claim in claims if claim.found.task_id in won]
        self._wake(claim.found.task_id for claim in ours if claim.events)
        for claim in ours:
            if claim.found.next_moment is not None:
                CLAIM_LAG_SECONDS.observe((now - claim.found.next_moment).total_seconds())
            for event in claim.events:
                ANNOUNCED.labels(kind_of(event.type)).inc()


def event_of_moment(moment: WatchedMoment, task: Task, now: datetime) -> Event[DeadlineReached]:
    """Return the event of a moment. Its id is made from task, kind, moment and rung: a repeat is the same event."""
    return Event[DeadlineReached](
        id=f"{task.id}:{moment.kind}:{rfc3339(moment.at)}:{moment.rung}",
        source=SOURCE,
        type=deadline_event(moment.kind),
        subject=task.id,
        time=now,
        sequence=str(task.version),
        data=_brief(moment, task),
    )


_OF_THE_TASK: Final = DeadlineReached.model_fields.keys() & Task.model_fields.keys()
"""The members of the event that are the task's own, under the same names."""


def _brief(moment: WatchedMoment, task: Task) -> DeadlineReached:
    return DeadlineReached.model_validate(
        {
            **{name: getattr(task, name) for name in _OF_THE_TASK},
            "task_id": task.id,
            "sequence": task.version,
            "document_number": task.document and task.document.number,
            "moment": moment.at,
            "rung": moment.rung,
        }
    )
