"""What reporting does: keeps what it is told, and answers with figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.reporting.rules.question import GroupBy, Question
from services.reporting.rules.summary import Summary, summary_of
from services.reporting.rules.versions import version_of
from services.reporting.store import ALL_COUNTERS, Named, Names, Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.clock import Clock
    from shared.events.directory import AccountChanged, AgencyChanged
    from shared.events.envelope import Event
    from shared.events.task import TaskChanged
    from shared.office.workdays import WorkCalendar

_NAMED: Final[Mapping[GroupBy, Named]] = {GroupBy.AGENCY: Named.AGENCY, GroupBy.ASSIGNER: Named.ACCOUNT}


class Recorder:
    """Keeps what other services tell, in any order and however often."""

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

    async def draw(self, question: Question) -> Summary:
        """Count what the question asks for, as of its moment or, without one, of now."""
        now = self._clock.now()
        groups = await self._versions.count(question, now, self._calendar)
        names = await self._names_of(question.group_by, (group["_id"] for group in groups))
        return summary_of(groups, ALL_COUNTERS, names, question.as_of or now)

    async def _names_of(self, group_by: GroupBy, keys: Iterable[str | None]) -> dict[str, str]:
        if group_by not in _NAMED:
            return {}
        return await self._names.of(_NAMED[group_by], (key for key in keys if key is not None))
