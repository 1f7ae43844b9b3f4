"""Reading the inbox: listing the caller's own entries, and marking them as read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from services.notification.metrics import READ
from services.notification.store import READ_AT_ONCE, Inbox, InboxEntry, InboxQuery
from shared import budget
from shared.clock import Clock
from shared.lane import Lane
from shared.office.access import Permission, Principal, require_permission
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.web.pages import Position, read_cursor, split_page

_KEPT_FOR_THE_ANSWER: Final = 5.0
"""With fewer seconds left of a request, no further piece of a long marking is begun."""


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """Which entries of the inbox are listed; they can be combined."""

    task_id: str | None = None
    kind: str | None = None
    unread: bool = False


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of one person's entries; `unread` counts the unread entries of the whole inbox."""

    entries: Sequence[InboxEntry]
    next_cursor: str | None
    unread: int


@dataclass(frozen=True, slots=True)
class Marked:
    """What a marking left: the unread entries of the whole inbox, and whether all that was asked for is marked."""

    unread: int
    complete: bool = True


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Lists the caller's own entries, and marks them as read."""

    inbox: Inbox
    clock: Clock
    lane: Lane

    async def page(self, caller: Principal, filters: EntryFilters, cursor: str | None, limit: int) -> EntryPage:
        """Return up to `limit` entries, newest first."""
        require_permission(caller, Permission.READ_INBOX)
        asked = {name: value for name, value in asdict(filters).items() if value or name == "task_id"}
        bound_to = {"username": caller.username, **asked}
        query = InboxQuery(caller.username, **asdict(filters), after=_after(cursor, bound_to))
        async with self.lane.turn():
            found = await self.inbox.find(query, limit + 1)
            unread = await self.inbox.count_unread(caller.username)
        entries, next_cursor = split_page(found, limit, bound_to, lambda last: Position(last.at, last.id))
        return EntryPage(entries, next_cursor, unread)

    async def mark_read(self, caller: Principal, entry_id: str) -> InboxEntry:
        """Mark an entry of the caller as read and return it; `read_at` of an entry read before stays as it is."""
        require_permission(caller, Permission.READ_INBOX)
        await self._mark(caller, [entry_id])
        entry = await self.inbox.get(entry_id, caller.username)
        if entry is None:
            raise Refusal(Code.NOT_FOUND)
        return entry

    async def mark_named(self, caller: Principal, entry_ids: Sequence[str]) -> Marked:
        """Mark several entries of the caller as read; ids that are not the caller's change nothing."""
        require_permission(caller, Permission.READ_INBOX)
        await self._mark(caller, entry_ids)
        return Marked(await self.inbox.count_unread(caller.username))

    async def mark_until(self, caller: Principal, until: datetime) -> Marked:
        """Mark the caller's entries of a moment and before as read, in pieces, as long as the request has time."""
        require_permission(caller, Permission.READ_INBOX)
        complete = False
        while not complete:
            async with self.lane.turn():
                piece = await self.inbox.unread_until(caller.username, until)
                await self._mark(caller, piece)
            complete = len(piece) < READ_AT_ONCE
            if not _has_time():
                break
        return Marked(await self.inbox.count_unread(caller.username), complete)

    async def _mark(self, caller: Principal, entry_ids: Sequence[str]) -> None:
        if entry_ids:
            READ.inc(await self.inbox.mark_read(entry_ids, caller.username, self.clock.now()))


def _has_time() -> bool:
    return budget.ends_at() - asyncio.get_running_loop().time() > _KEPT_FOR_THE_ANSWER


def _after(cursor: str | None, filters: dict[str, Any]) -> tuple[datetime, str] | None:
    position = read_cursor(cursor, filters)
    if position is None:
        return None
    if not isinstance(position.value, datetime):
        raise invalid("cursor", FieldCode.BAD_CURSOR)
    return position.value, position.id
