"""Use cases that only read: the list, one task at this moment, its history."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from services.assignment.tasks.briefs import in_utc, page_json
from services.assignment.tasks.store import Asked, list_query, to_fields, to_wire_entry
from services.assignment.tasks.views import HistoryPage, TaskView, task_view
from shared.office.access import Permission, require_permission
from shared.office.timeliness import Horizon, horizon
from shared.office.vocabulary import Stage
from shared.web.pages import Position, read_cursor, split_page, write_cursor

if TYPE_CHECKING:
    from services.assignment.tasks.handlers import Office, TaskHandlers
    from services.assignment.tasks.rules.state import Task
    from services.assignment.tasks.store import Filters, Sort, TaskLists, TaskStore
    from shared.office.access import Principal


class TaskReader:
    def __init__(self, store: TaskStore, lists: TaskLists, handlers: TaskHandlers, office: Office) -> None:
        self._store = store
        self._lists = lists
        self._handlers = handlers
        self._office = office

    async def view(self, caller: Principal, task: Task) -> TaskView:
        """Return a task as the caller sees it at this moment."""
        replaced_by = await self._store.replaced_by(task.id) if task.stage is Stage.RECALLED else None
        acts = self._handlers.allowed_acts(caller, task)
        return task_view(task, to_fields(task), self._horizon(), replaced_by, acts)

    async def page(self, caller: Principal, filters: Filters, sort: Sort, cursor: str | None, limit: int) -> bytes:
        """Return the JSON of one page of the tasks within the caller's sight."""
        require_permission(caller, Permission.READ_TASKS)
        filters = await self._handlers.spelled(filters)
        bound = self._bound(filters, sort)
        at = self._horizon()
        asked = Asked(caller, filters, sort, at, self._office.calendar)
        query = list_query(asked, read_cursor(cursor, bound))
        found = await self._lists.listed(query, limit + 1)
        field = query.order[0][0]
        records, next_cursor = split_page(found, limit, bound, lambda last: Position(in_utc(last[field]), last["_id"]))
        recalled = [record["_id"] for record in records if record["stage"] == Stage.RECALLED]
        replacements = await self._lists.replacements(recalled) if recalled else {}
        return page_json(records, at, replacements, next_cursor)

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

    def _horizon(self) -> Horizon:
        return horizon(self._office.clock.now(), self._office.calendar, self._office.policy)

    @staticmethod
    def _bound(filters: Filters, sort: Sort) -> dict[str, Any]:
        """Return the filters and the order that a cursor is valid for."""
        return {**asdict(filters), "sort": sort}
