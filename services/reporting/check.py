"""`check`: whether every version of every task has its row, and whether the newest row agrees with assignment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from services.reporting.rules.versions import NEWEST, version_of_task
from services.reporting.settings import ReportingSettings
from services.reporting.store import Named, Names, Versions
from shared.commands.assignment import Assignment
from shared.commands.difference import Difference, DifferenceKind, KnownState, compare_known, missed
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED
from shared.events.task import HistoryEntry, Task
from shared.mongo import connect

if TYPE_CHECKING:
    from shared.mongo import Record


def missing(task: Task, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the versions of a task that have no row."""
    return sorted(set(range(1, task.version + 1)) - {row["sequence"] for row in rows})


def compare_task(
    task: Task, rows: Sequence[Mapping[str, Any]], history: Sequence[HistoryEntry]
) -> Iterator[Difference]:
    """Compare a task with its rows; `history` is needed only when some are missing."""
    lost = missing(task, rows)
    yield from missed(task.id, history, lost, "no row of it")
    newest = max((row["sequence"] for row in rows), default=0)
    if newest > task.version:
        yield Difference(DifferenceKind.AHEAD, task.id, f"version {newest} here, {task.version} at assignment")
    elif newest == task.version:
        yield from _compare_figures(task, rows)
    if not lost:
        yield from _compare_until(task.id, rows)


def _compare_figures(task: Task, rows: Iterable[Mapping[str, Any]]) -> Iterator[Difference]:
    wanted = asdict(version_of_task(task, task.version, task.updated_at))
    row = next(row for row in rows if row["sequence"] == task.version)
    names = [name for name in wanted if wanted[name] != row.get(name)]
    if names:
        yield Difference(DifferenceKind.DIFFERS, task.id, f"version {task.version}: {', '.join(names)}")


def _compare_until(task_id: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    """Report the rows whose `until` is not the earliest `at` of the later rows."""
    until = NEWEST
    for row in sorted(rows, key=lambda row: -int(row["sequence"])):
        if row["until"] != until:
            yield Difference(DifferenceKind.DIFFERS, task_id, f"version {row['sequence']}: until")
        until = min(until, row["at"])


class VersionComparison:
    """Compares the rows and the names with assignment's tasks and directory."""

    def __init__(self, versions: Versions, names: Names, assignment: Assignment) -> None:
        self._versions = versions
        self._names = names
        self._assignment = assignment

    def known_tasks(self) -> AsyncIterator[str]:
        return self._versions.task_ids()

    async def of_task(self, task_id: str) -> Sequence[Difference]:
        task = await self._assignment.task(task_id)
        rows = await self._versions.of_task(task_id)
        if task is None:
            return [Difference(DifferenceKind.UNKNOWN, task_id, "counted, but not at assignment")] if rows else ()
        history = await self._assignment.history(task_id) if missing(task, rows) else ()
        return list(compare_task(task, rows, history))

    async def of_directory(self) -> Sequence[Difference]:
        agencies = {one.code: KnownState(one.version, {"name": one.name}) for one in await self._assignment.agencies()}
        accounts = {
            one.username: KnownState(one.version, {"name": one.display_name})
            for one in await self._assignment.accounts()
        }
        return [
            *compare_known("agency", AGENCY_CHANGED, agencies, _kept(await self._names.all(Named.AGENCY))),
            *compare_known("account", ACCOUNT_CHANGED, accounts, _kept(await self._names.all(Named.ACCOUNT))),
        ]


def _kept(names: Mapping[str, Record]) -> dict[str, KnownState]:
    return {code: KnownState(record["sequence"], {"name": record["name"]}) for code, record in names.items()}


@asynccontextmanager
async def comparison(settings: ReportingSettings, assignment: Assignment) -> AsyncIterator[VersionComparison]:
    with closing(connect(settings.mongodb_uri.get_secret_value(), f"{settings.service()}.check")) as client:
        database = client[settings.mongodb_database]
        yield VersionComparison(Versions(database), Names(database), assignment)
