"""Telling people of an event, and knowing them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.notification.metrics import NOTIFICATIONS
from services.notification.rules.occasion import occasion_of
from services.notification.rules.routing import Occasion, Person, posts, recipients_of
from services.notification.store import DirectoryCopy, Inbox, InboxEntry
from services.notification.templates.facts import facts_of
from services.notification.templates.writing import Notes, write
from shared.messaging.retry import RetryLater
from shared.office.workdays import WorkCalendar

if TYPE_CHECKING:
    from shared.events.directory import AccountChanged, AgencyChanged
    from shared.events.envelope import Event

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:dondoc:notification")


def entry_id(event_id: str, username: str) -> str:
    """Return the id of what a person is told of an event: the same however often the event comes."""
    return str(uuid.uuid5(_NAMESPACE, orjson.dumps([event_id, username]).decode()))


@dataclass(frozen=True, slots=True)
class Notifier:
    directory: DirectoryCopy
    inbox: Inbox
    calendar: WorkCalendar

    async def tell(self, event: Event[Any]) -> None:
        """Put an entry into the inbox of everyone who is told of a `task.*` or `deadline.*` event.

        Raises:
            RetryLater: an agency of the task, or an account it names, is not known yet.

        """
        occasion = occasion_of(event)
        if not posts(occasion):
            return
        names = await self._names(occasion)
        readers = recipients_of(occasion, await self._people(occasion))
        facts = facts_of(event, names)
        notes = write(facts, readers.values(), self.calendar)
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
