"""Notifying people of events, keeping the copy of the directory, and reading the inbox."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.notification.metrics import NOTIFICATIONS, READ
from services.notification.rules.occasion import occasion_of
from services.notification.rules.routing import Occasion, Person, posts, recipients_of
from services.notification.store import DirectoryCopy, Inbox, InboxEntry, InboxQuery
from services.notification.templates.material import material_of
from services.notification.templates.writing import Notes, write
from services.notification.truth import Truth
from shared.clock import Clock
from shared.lane import Lane
from shared.messaging.retry import RetryLater
from shared.office.access import Permission, Principal, require_permission
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.workdays import WorkCalendar
from shared.web.pages import Position, read_cursor, split_page

if TYPE_CHECKING:
    from shared.events.directory import AccountChanged, AgencyChanged
    from shared.events.envelope import Event

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:dondoc:notification")


def entry_id(event_id: str, username: str) -> str:
    """Return the id of the inbox entry of an event and a person; it is the same each time the event arrives."""
    return str(uuid.uuid5(_NAMESPACE, orjson.dumps([event_id, username]).decode()))


@dataclass(frozen=True, slots=True)
class Notifier:
    """Writes inbox entries for events, and learns who holds which role in which agency."""

    directory: DirectoryCopy
    inbox: Inbox
    calendar: WorkCalendar
    truth: Truth
    clock: Clock

    async def tell(self, event: Event[Any]) -> None:
        """Put an entry into the inbox of every recipient of a `task.*` or `deadline.*` event.

        A reminder that is not true any more is dropped.

        Raises:
            RetryLater: an agency of the task, or an account it names, is not known yet.

        """
        await asyncio.gather(self.truth.learn(event), self._tell(event))

    async def _tell(self, event: Event[Any]) -> None:
        occasion = occasion_of(event)
        told_at = max(event.time, self.clock.now())
        if not posts(occasion) or await self.truth.contradicts(event, told_at):
            return
        names = await self._names(occasion)
        readers = recipients_of(occasion, await self._people(occasion))
        material = material_of(event, names, told_at)
        notes = write(material, readers.values(), self.calendar)
        entries = [_entry(event, occasion, username, notes[recipient]) for username, recipient in readers.items()]
        NOTIFICATIONS.labels(occasion.kind).inc(await self.inbox.insert_if_absent(entries))

    async def learn_agency(self, event: Event[AgencyChanged]) -> None:
        await self.directory.keep_agency(event.data.code, event.data.name, int(event.sequence))

    async def learn_person(self, event: Event[AccountChanged]) -> None:
        account = event.data
        person = Person(account.username, account.role, account.agency, account.disabled)
        await self.directory.keep_person(person, int(event.sequence), event.time)

    async def _names(self, occasion: Occasion) -> dict[str, str]:
        names = await self.directory.names(occasion.agencies)
        unknown = occasion.agencies - names.keys()
        if unknown:
            raise RetryLater(f"agencies not known yet: {', '.join(sorted(unknown))}")
        return names

    async def _people(self, occasion: Occasion) -> list[Person]:
        wanted = [post for _, post in posts(occasion)]
        people = await self.directory.holders(wanted)
        unknown = {post.username for post in wanted if post.username} - {person.username for person in people}
        if unknown:
            raise RetryLater(f"accounts not known yet: {', '.join(sorted(unknown))}")
        return people


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of one person's entries; `unread` counts the unread entries of the whole inbox."""

    entries: Sequence[InboxEntry]
    next_cursor: str | None
    unread: int


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Lists the caller's own entries, and marks them as read."""

    inbox: Inbox
    clock: Clock
    lane: Lane

    async def page(self, caller: Principal, task_id: str | None, cursor: str | None, limit: int) -> EntryPage:
        """Return up to `limit` entries, newest first: of one task or, without `task_id`, of all tasks."""
        require_permission(caller, Permission.READ_INBOX)
        filters = {"username": caller.username, "task_id": task_id}
        query = InboxQuery(caller.username, task_id, _after(cursor, filters))
        async with self.lane.turn():
            found = await self.inbox.find(query, limit + 1)
            unread = await self.inbox.count_unread(caller.username)
        entries, next_cursor = split_page(found, limit, filters, lambda last: Position(last.at, last.id))
        return EntryPage(entries, next_cursor, unread)

    async def mark_read(self, caller: Principal, entry_id: str) -> InboxEntry:
        """Mark an entry of the caller as read and return it; `read_at` of an entry read before stays as it is."""
        require_permission(caller, Permission.READ_INBOX)
        if await self.inbox.mark_read(entry_id, caller.username, self.clock.now()):
            READ.inc()
        entry = await self.inbox.get(entry_id, caller.username)
        if entry is None:
            raise Refusal(Code.NOT_FOUND)
        return entry


def _entry(event: Event[Any], occasion: Occasion, username: str, notes: Notes) -> InboxEntry:
    return InboxEntry(
        id=entry_id(event.id, username),
        username=username,
        task_id=occasion.task_id,
        kind=occasion.kind,
        at=event.time,
        title={language.value: note.title for language, note in notes.items()},
        text={language.value: note.text for language, note in notes.items()},
    )


def _after(cursor: str | None, filters: dict[str, Any]) -> tuple[datetime, str] | None:
    position = read_cursor(cursor, filters)
    if position is None:
        return None
    if not isinstance(position.value, datetime):
        raise invalid("cursor", FieldCode.BAD_CURSOR)
    return position.value, position.id
