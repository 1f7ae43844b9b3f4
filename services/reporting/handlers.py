"""Keeping what the events say, and answering questions with figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from services.reporting.rules.question import GroupBy, Question
from services.reporting.rules.summary import Drawing, Row, Summary, rows_of, total_of
from services.reporting.rules.versions import version_of
from services.reporting.store import ALL_COUNTERS, Named, Names, Versions
from shared.events.envelope import rfc3339
from shared.mongo import without_timeout
from shared.office.access import SIGHT, Permission, Sight, require_permission
from shared.office.refusal import Code, FieldCode, Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import datetime

    from shared.clock import Clock
    from shared.events.directory import AccountChanged, AgencyChanged
    from shared.events.envelope import Event
    from shared.events.task import TaskChanged
    from shared.office.access import Principal
    from shared.office.workdays import WorkCalendar

_NAMED: Final[Mapping[GroupBy, Named]] = {GroupBy.AGENCY: Named.AGENCY, GroupBy.ASSIGNER: Named.ACCOUNT}


class Recorder:
    """Keeps what the events of the other services say, in any order and however often they arrive."""

    def __init__(self, versions: Versions, names: Names) -> None:
        self._versions = versions
        self._names = names

    async def record_task(self, event: Event[TaskChanged]) -> None:
        await self._versions.insert_if_absent(version_of(event))

    async def record_agency(self, event: Event[AgencyChanged]) -> None:
        agency = event.data
        await self._names.keep_newest(Named.AGENCY, agency.code, agency.name, int(event.sequence))

    async def record_account(self, event: Event[AccountChanged]) -> None:
        account = event.data
        await self._names.keep_newest(Named.ACCOUNT, account.username, account.display_name, int(event.sequence))


class Summaries:
    """Answers questions with figures."""

    def __init__(self, versions: Versions, names: Names, clock: Clock, calendar: WorkCalendar) -> None:
        self._versions = versions
        self._names = names
        self._clock = clock
        self._calendar = calendar

    def read(self, caller: Principal, question: Question) -> Drawing:
        """Begin the summary of the tasks that the caller may count: all of them, or those their agency leads.

        Raises:
            Refusal: the period or the moment makes no sense, or not-permitted.

        """
        _require_answerable(question, self._clock.now())
        require_permission(caller, Permission.READ_SUMMARY)
        return self._begin(replace(question, lead_agency=_agency_counted(caller)))

    async def draw(self, question: Question) -> Summary:
        """Count what the question asks for, as of its moment or, without one, as of now."""
        drawing = self._begin(question)
        rows = [row async for piece in drawing.pieces for row in piece]
        return Summary(tuple(rows), total_of(rows, ALL_COUNTERS), drawing.as_of)

    async def draw_slowly(self, question: Question) -> Summary:
        """Count as `draw` does, however long it takes: nobody waits for it."""
        with without_timeout():
            return await self.draw(question)

    def _begin(self, question: Question) -> Drawing:
        now = self._clock.now()
        return Drawing(self._pieces(question, now), question.as_of or now, ALL_COUNTERS)

    async def _pieces(self, question: Question, now: datetime) -> AsyncIterator[Sequence[Row]]:
        """Yield the rows by key, the one without a key last. The loop is free between two pieces."""
        without_key: list[Row] = []
        async for groups in self._versions.count(question, now, self._calendar):
            names = await self._names_of(question.group_by, (group["_id"] for group in groups))
            rows = rows_of(groups, ALL_COUNTERS, names)
            without_key += [row for row in rows if row.key is None]
            yield [row for row in rows if row.key is not None]
        yield without_key

    async def _names_of(self, group_by: GroupBy, keys: Iterable[str | None]) -> dict[str, str]:
        if group_by not in _NAMED:
            return {}
        return await self._names.of(_NAMED[group_by], (key for key in keys if key is not None))


def _require_answerable(question: Question, now: datetime) -> None:
    if question.first_day and question.last_day and question.first_day > question.last_day:
        raise invalid("to", FieldCode.TOO_SMALL, limit="`from`")
    if question.as_of is not None and question.as_of > now:
        raise invalid("as_of", FieldCode.TOO_LARGE, limit=rfc3339(now))


def _agency_counted(caller: Principal) -> str | None:
    """Return the agency whose tasks the caller may count; None for every task.

    Raises:
        Refusal: not-permitted, for a caller who sees the tasks of an agency and has none.

    """
    if SIGHT[caller.role] is Sight.EVERY:
        return None
    if caller.agency is None:
        raise Refusal(Code.NOT_PERMITTED)
    return caller.agency
