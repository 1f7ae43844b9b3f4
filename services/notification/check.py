"""`check`: whether every recipient of each history entry has an inbox entry for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.notification.handlers import entry_id
from services.notification.rules.past import occasions
from services.notification.rules.routing import EVERY_COORDINATOR, Occasion, Person, Post, posts, recipients_of
from services.notification.settings import NotificationSettings
from services.notification.store import DirectoryCopy, Inbox, person_of
from shared.commands.assignment import Account, Agency, Assignment
from shared.commands.difference import Difference, DifferenceKind, KnownState, compare_known
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, task_event
from shared.events.task import HistoryEntry
from shared.mongo import connect
from shared.office.vocabulary import Role

if TYPE_CHECKING:
    from shared.mongo import Record


@dataclass(frozen=True, slots=True)
class Holder:
    """A person, and since when they have their current role and agency, if that is known."""

    person: Person
    since: datetime | None

    def held_at(self, moment: datetime) -> bool:
        return self.since is not None and self.since <= moment


class Holders:
    """Who holds which post, indexed by post, because it is looked up for every entry of every task."""

    def __init__(self, holders: Iterable[Holder]) -> None:
        self._holders: defaultdict[Post, list[Holder]] = defaultdict(list)
        for holder in holders:
            person = holder.person
            self._holders[Post(username=person.username)].append(holder)
            self._holders[Post(role=person.role, agency=person.agency)].append(holder)
            if person.role is Role.COORDINATOR:
                self._holders[EVERY_COORDINATOR].append(holder)

    def recipients_of(self, occasion: Occasion, at: datetime) -> list[str]:
        """Return the recipients who hold their post now and held it at that moment already."""
        found = (holder for _, post in posts(occasion) for holder in self._holders.get(post, ()))
        return sorted(recipients_of(occasion, [holder.person for holder in found if holder.held_at(at)]))


@dataclass(frozen=True, slots=True)
class Telling:
    """A history entry, and the inbox entries that it must have led to: their ids by username."""

    event_id: str
    event_type: str
    entries: Mapping[str, str]


def tellings(task_id: str, history: Sequence[HistoryEntry], holders: Holders) -> list[Telling]:
    """Return the inbox entries that a history must have led to."""
    return [
        Telling(event_id, task_event(entry.act), {name: entry_id(event_id, name) for name in usernames})
        for entry, occasion in occasions(task_id, history)
        if (usernames := holders.recipients_of(occasion, entry.at))
        for event_id in [f"{task_id}:{entry.sequence}"]
    ]


def compare_task(expected: Iterable[Telling], known: set[str]) -> Iterator[Difference]:
    """Report the events without any inbox entry, and the recipients whose entry is missing."""
    for telling in expected:
        untold = [name for name, entry in telling.entries.items() if entry not in known]
        if len(untold) == len(telling.entries):
            detail = f"{telling.event_type}: not told to {', '.join(untold)}"
            yield Difference(DifferenceKind.MISSED, telling.event_id, detail)
        elif untold:
            detail = f"{telling.event_type}: others were told, but not {', '.join(untold)}"
            yield Difference(DifferenceKind.NOT_TOLD, telling.event_id, detail)


class InboxComparison:
    """Compares the inbox and the copy of the directory with assignment's histories and directory."""

    def __init__(self, inbox: Inbox, directory: DirectoryCopy, assignment: Assignment) -> None:
        self._inbox = inbox
        self._directory = directory
        self._assignment = assignment
        self._holders = Holders(())

    def known_tasks(self) -> AsyncIterator[str]:
        return self._inbox.task_ids()

    async def of_task(self, task_id: str) -> Sequence[Difference]:
        history = await self._assignment.history(task_id)
        if not history:
            return [Difference(DifferenceKind.UNKNOWN, task_id, "people were told of it, but it is not at assignment")]
        expected = tellings(task_id, history, self._holders)
        ids = [entry for telling in expected for entry in telling.entries.values()]
        return list(compare_task(expected, await self._inbox.known_among(ids)))

    async def of_directory(self) -> Sequence[Difference]:
        """Compare the copy of the directory, and keep who holds which post for `of_task`."""
        agencies = {one.code: _of_agency(one) for one in await self._assignment.agencies()}
        accounts = {one.username: _of_account(one) for one in await self._assignment.accounts()}
        known, people = await self._directory.agencies(), await self._directory.people()
        self._holders = Holders(map(_holder, people))
        return [
            *compare_known("agency", AGENCY_CHANGED, agencies, _kept(known, "name")),
            *compare_known("account", ACCOUNT_CHANGED, accounts, _kept(people, "role", "agency", "disabled")),
        ]


def _of_agency(agency: Agency) -> KnownState:
    return KnownState(agency.version, {"name": agency.name})


def _of_account(account: Account) -> KnownState:
    return KnownState(account.version, {"role": account.role, "agency": account.agency, "disabled": account.disabled})


def _kept(records: Iterable[Record], *fields: str) -> dict[str, KnownState]:
    return {one["_id"]: KnownState(one["sequence"], _only(one, fields)) for one in records}


def _only(record: Record, fields: Iterable[str]) -> dict[str, Any]:
    return {name: record[name] for name in fields}


def _holder(record: Record) -> Holder:
    return Holder(person_of(record), record.get("since"))


@asynccontextmanager
async def comparison(settings: NotificationSettings, assignment: Assignment) -> AsyncIterator[InboxComparison]:
    with closing(connect(settings.mongodb_uri.get_secret_value(), f"{settings.service()}.check")) as client:
        database = client[settings.mongodb_database]
        yield InboxComparison(Inbox(database), DirectoryCopy(database), assignment)
