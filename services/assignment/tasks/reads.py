"""Use cases that only read: the list, one task at this moment, its history, what waits for the caller."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.briefs import in_utc, page_json
from services.assignment.tasks.rules.waiting import key_of
from services.assignment.tasks.store import Asked, counts_of, list_query, to_fields, to_wire_entry, uncertain
from services.assignment.tasks.views import Beholder, Beside, HistoryPage, TaskView, WorkView, task_view
from shared.office.access import Permission, require_permission
from shared.office.timeliness import horizon
from shared.office.vocabulary import Stage, WaitKind
from shared.web.pages import Position, read_cursor, split_page, write_cursor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.assignment.tasks.handlers import DirectoryLookup, Office, TaskHandlers
    from services.assignment.tasks.rules.state import Task
    from services.assignment.tasks.store import BatchStore, Filters, Sort, TaskLists, TaskStore
    from shared.mongo import Record
    from shared.office.access import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAsked:
    """Which page of a list; `count` asks for the total too."""

    cursor: str | None
    limit: int
    count: bool = False


class TaskReader:
    def __init__(
        self,
        store: TaskStore,
        batches: BatchStore,
        lists: TaskLists,
        handlers: TaskHandlers,
        directory: DirectoryLookup,
        office: Office,
    ) -> None:
        self._store = store
        self._batches = batches
        self._lists = lists
        self._directory = directory
        self._handlers = handlers
        self._office = office

    async def view(self, caller: Principal, task: Task) -> TaskView:
        """Return a task as the caller sees it at this moment."""
        beside = Beside(
            replaced_by=await self._store.replaced_by(task.id) if task.stage is Stage.RECALLED else None,
            batch_size=await self._batches.size_of(task.batch) if task.batch else None,
            allowed_acts=self._handlers.allowed_acts(caller, task),
        )
        return task_view(task, to_fields(task), self._beholder(caller), beside)

    async def page(self, caller: Principal, filters: Filters, sort: Sort, wanted: PageAsked) -> bytes:
        """Return the JSON of one page of the tasks within the caller's sight."""
        require_permission(caller, Permission.READ_TASKS)
        filters = await self._handlers.spelled(filters)
        bound = self._bound(filters, sort)
        after = read_cursor(wanted.cursor, bound)
        beholder = self._beholder(caller)
        asked = await self._asked(caller, filters, sort, beholder)
        few = await self._lists.fewest(uncertain(asked))
        query = list_query(asked, after, few)
        found = await self._lists.listed(query, wanted.limit + 1)
        field = query.order[0][0]
        records, next_cursor = split_page(
            found, wanted.limit, bound, lambda last: Position(in_utc(last[field]), last["_id"])
        )
        total = await self._lists.count(list_query(asked, None, few)) if wanted.count else None
        return page_json(records, beholder, await self._replacements(records), next_cursor, total)

    async def _asked(self, caller: Principal, filters: Filters, sort: Sort, beholder: Beholder) -> Asked:
        of_kind = await self._directory.agencies_of_kind(filters.kind) if filters.kind else None
        return Asked(caller, filters, sort, beholder.at, beholder.calendar, of_kind)

    async def _replacements(self, records: Sequence[Record]) -> Mapping[str, str]:
        recalled = [record["_id"] for record in records if record["stage"] == Stage.RECALLED]
        return await self._lists.replacements(recalled) if recalled else {}

    async def history(self, caller: Principal, task_id: str, cursor: str | None, limit: int) -> HistoryPage:
        """Return a page of a task's history, oldest first."""
        task = await self._handlers.read(caller, task_id)
        bound = {"history": task.id}
        after = read_cursor(cursor, bound)
        known = after.value if after and isinstance(after.value, int) else 0
        entries = await self._lists.history(task_id, known, limit + 1)
        last = entries[limit - 1].sequence if len(entries) > limit else None
        next_cursor = write_cursor(Position(last, task_id), bound) if last else None
        return HistoryPage(items=[to_wire_entry(entry) for entry in entries[:limit]], next_cursor=next_cursor)

    async def work(self, caller: Principal) -> WorkView:
        """Count what waits for the caller, and the caller's open tasks."""
        require_permission(caller, Permission.READ_TASKS)
        counted = await self._lists.counted(counts_of(caller, self._beholder(caller).at))
        waiting = {kind: counted.pop(kind) for kind in WaitKind}
        return WorkView(waiting=waiting, **counted)

    def _beholder(self, caller: Principal) -> Beholder:
        office = self._office
        return Beholder(key_of(caller), horizon(office.clock.now(), office.calendar, office.policy), office.calendar)

    @staticmethod
    def _bound(filters: Filters, sort: Sort) -> dict[str, Any]:
        """Return the filters and the order that a cursor is valid for."""
        return {**asdict(filters), "sort": sort}
