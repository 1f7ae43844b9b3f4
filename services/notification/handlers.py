"""Notifying people of events, and keeping the copy of the directory."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.notification.metrics import NOTIFICATIONS
from services.notification.rules.occasion import occasion_of
from services.notification.rules.routing import WITHOUT_LINK, Occasion, Person, Recipient, posts, recipients_of
from services.notification.rules.severity import TASKS_WAITING
from services.notification.store import DirectoryCopy, Inbox, InboxEntry
from services.notification.templates.material import material_of
from services.notification.templates.writing import Notes, write, write_tasks_waiting
from services.notification.truth import Truth
from shared.clock import Clock
from shared.messaging.retry import RetryLater
from shared.office.workdays import WorkCalendar

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

        A reminder that is not true any more is dropped. Of an event that was sent again, only those are told who held
        their post when it happened.

        Raises:
            RetryLater: an agency of the task, or an account it names, is not known yet.

        """
        # Before the people are read: a head who is not among them yet will find the task among those that wait.
        is_old_news = await self.truth.is_old_news(event, self.clock.now())
        await self.truth.learn(event)
        await self._tell(event, is_old_news=is_old_news)

    async def _tell(self, event: Event[Any], *, is_old_news: bool) -> None:
        occasion = occasion_of(event)
        told_at = max(event.time, self.clock.now())
        if not posts(occasion) or await self.truth.contradicts(event, told_at):
            return
        names = await self._names(occasion)
        people = await self._people(occasion)
        readers = recipients_of(occasion, [one for one in people if not is_old_news or one.was_there(event.time)])
        material = material_of(event, names, told_at, _name_of(occasion.officer, people))
        notes = write(material, readers.values(), self.calendar)
        entries = [_entry(event, occasion, reader, notes[reader[1]]) for reader in readers.items()]
        NOTIFICATIONS.labels(occasion.kind).inc(await self.inbox.insert_if_absent(entries))

    async def learn_agency(self, event: Event[AgencyChanged]) -> None:
        await self.directory.keep_agency(event.data.code, event.data.name, int(event.sequence))

    async def learn_person(self, event: Event[AccountChanged]) -> None:
        """Keep the state of an account, and tell a head or clerk who appears which tasks wait for the agency."""
        account = event.data
        person = Person(account.username, account.role, account.agency, account.disabled, account.display_name)
        await self.directory.keep_person(person, int(event.sequence), event.time)
        agency = person.receives_for
        if agency is not None and await self.directory.has_just_appeared(person.username, int(event.sequence)):
            await self._tell_what_waits(event, agency)
            await self.directory.forget_appearance(person.username, int(event.sequence))

    async def _tell_what_waits(self, event: Event[AccountChanged], agency: str) -> None:
        waiting = await self.truth.tasks.count_waiting(agency)
        if waiting:
            entry = _entry_of_what_waits(event, waiting)
            NOTIFICATIONS.labels(entry.kind).inc(await self.inbox.insert_if_absent([entry]))

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


def _name_of(username: str | None, people: Iterable[Person]) -> str | None:
    return next((person.name for person in people if person.username == username), None)


def _entry(event: Event[Any], occasion: Occasion, reader: tuple[str, Recipient], notes: Notes) -> InboxEntry:
    username, recipient = reader
    return InboxEntry(
        id=entry_id(event.id, username),
        username=username,
        task_id=occasion.task_id,
        kind=occasion.kind,
        at=event.time,
        has_link=recipient not in WITHOUT_LINK,
        **_in_each_language(notes),
    )


def _entry_of_what_waits(event: Event[AccountChanged], waiting: int) -> InboxEntry:
    username = event.data.username
    return InboxEntry(
        id=entry_id(event.id, username),
        username=username,
        task_id=None,
        kind=TASKS_WAITING,
        at=event.time,
        **_in_each_language(write_tasks_waiting(waiting)),
    )


def _in_each_language(notes: Notes) -> dict[str, Any]:
    return {
        "title": {language.value: note.title for language, note in notes.items()},
        "text": {language.value: note.text for language, note in notes.items()},
    }
