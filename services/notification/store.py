"""The collections `inbox`, `agencies` and `people`; the last two are the copy of the directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Collection as Some
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from services.notification.rules.routing import Person, Post
from shared.batched_writes import BatchedWrites
from shared.batching import BatchedReads
from shared.mongo import Collection, Database, Index, Record, ascending, find_by_index
from shared.office.vocabulary import Role

_INBOX: Final = "inbox"
_AGENCIES: Final = "agencies"
_PEOPLE: Final = "people"
_NEWEST_FIRST: Final = (("at", DESCENDING), ("_id", DESCENDING))

MOST_UNREAD: Final = 999
"""No more unread entries than this are counted."""
READ_AT_ONCE: Final = 1_000
"""How many entries are marked as read by one operation of MongoDB."""

_OF_A_PERSON: Final = Index(_INBOX, (*ascending("username"), *_NEWEST_FIRST))
_OF_A_TASK: Final = Index(_INBOX, (*ascending("username", "task_id"), *_NEWEST_FIRST))
_OF_A_KIND: Final = Index(_INBOX, (*ascending("username", "kind", "unread"), *_NEWEST_FIRST))
_UNREAD: Final = Index(_INBOX, (*ascending("username", "unread"), *_NEWEST_FIRST), partial={"unread": True})
INDEXES: Final = (
    _OF_A_PERSON,
    _OF_A_TASK,
    _OF_A_KIND,
    _UNREAD,
    Index(_PEOPLE, ascending("role", "agency")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One notification of one person; `title` and `text` hold a text for each language.

    Without `task_id` it is of all tasks that wait for the person's agency. `has_link` is false where the reader may not
    see the task any more; a record without it has a link.
    """

    id: str
    username: str
    task_id: str | None
    kind: str
    at: datetime
    title: dict[str, str]
    text: dict[str, str]
    has_link: bool = True
    read_at: datetime | None = None

    def to_record(self) -> Record:
        return {
            "_id": self.id,
            "username": self.username,
            "task_id": self.task_id,
            "kind": self.kind,
            "at": self.at,
            "title": self.title,
            "text": self.text,
            "read_at": self.read_at,
            "unread": self.read_at is None,
            **({} if self.has_link else {"has_link": False}),
        }

    @classmethod
    def of(cls, record: Record) -> InboxEntry:
        plain = {name: value for name, value in record.items() if name not in {"_id", "unread"}}
        return cls(id=record["_id"], **plain)


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Which entries of a person: of one task, unread ones, of one kind, and after which entry (its `at` and id)."""

    username: str
    task_id: str | None = None
    unread: bool = False
    kind: str | None = None
    after: tuple[datetime, str] | None = None

    def filter(self) -> Record:
        """Return the ranges of the index that are read; each is sorted, and MongoDB merges them."""
        ranges = [{**wanted, **part} for wanted in self._wanted() for part in self._parts()]
        return ranges[0] if len(ranges) == 1 else {"$or": ranges}

    def _wanted(self) -> list[Record]:
        named = {"username": self.username, "task_id": self.task_id, "kind": self.kind, "unread": self.unread or None}
        wanted = {name: value for name, value in named.items() if value is not None}
        # The index of a kind has `unread` before the time: what is read and what is unread are two ranges of it.
        is_split = self._index is _OF_A_KIND and not self.unread
        return [{**wanted, "unread": unread} for unread in (True, False)] if is_split else [wanted]

    def _parts(self) -> list[Record]:
        """Return what comes after an entry in two ranges: a batch gives thousands of entries one moment."""
        if self.after is None:
            return [{}]
        at, entry_id = self.after
        return [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": entry_id}}]

    @property
    def index(self) -> str:
        """The name of the index that is read."""
        return self._index.full_name

    @property
    def _index(self) -> Index:
        if self.task_id is not None:
            return _OF_A_TASK  # one task gives a person a few hundred entries at most
        if self.kind is not None:
            return _OF_A_KIND
        return _UNREAD if self.unread else _OF_A_PERSON


class Inbox:
    def __init__(self, database: Database) -> None:
        self._entries: Collection = database[_INBOX]
        self._writes = BatchedWrites(self._entries)

    async def insert_if_absent(self, entries: Sequence[InboxEntry]) -> int:
        """Insert the entries that do not exist yet, and return their number; existing entries stay as they are."""
        return sum(await asyncio.gather(*map(self._insert_if_absent, entries)))

    async def _insert_if_absent(self, entry: InboxEntry) -> bool:
        try:
            await self._writes.insert(entry.to_record())
        except DuplicateKeyError:
            return False
        return True

    async def known_among(self, entry_ids: Sequence[str]) -> set[str]:
        """Return the ids that exist."""
        found = self._entries.find({"_id": {"$in": list(entry_ids)}}, {"_id": 1})
        return {record["_id"] async for record in found}

    async def task_ids(self) -> AsyncIterator[str]:
        """Yield the ids of all tasks that have an inbox entry."""
        of_tasks: list[Record] = [{"$match": {"task_id": {"$ne": None}}}, {"$group": {"_id": "$task_id"}}]
        async for record in self._entries.aggregate(of_tasks, allowDiskUse=True):
            yield record["_id"]

    async def find(self, query: InboxQuery, limit: int) -> list[InboxEntry]:
        """Return up to `limit` entries, newest first."""
        found = await find_by_index(self._entries, query.filter(), query.index, _NEWEST_FIRST, limit)
        return [InboxEntry.of(record) for record in found]

    async def count_unread(self, username: str) -> int:
        """Count the unread entries, up to `MOST_UNREAD`."""
        return await self._entries.count_documents({"username": username, "unread": True}, limit=MOST_UNREAD)

    async def mark_read(self, entry_ids: Sequence[str], username: str, now: datetime) -> int:
        """Mark those of the entries as read that are the person's own and unread, and return their number."""
        wanted = {"_id": {"$in": list(entry_ids)}, "username": username, "unread": True}
        changed = await self._entries.update_many(wanted, {"$set": {"read_at": now, "unread": False}}, hint="_id_")
        return changed.modified_count

    async def unread_until(self, username: str, until: datetime) -> list[str]:
        """Return the ids of up to `READ_AT_ONCE` unread entries of this moment or before."""
        wanted = {"username": username, "unread": True, "at": {"$lte": until}}
        found = await find_by_index(self._entries, wanted, _UNREAD.full_name, _NEWEST_FIRST, READ_AT_ONCE, {"_id": 1})
        return [record["_id"] for record in found]

    async def get(self, entry_id: str, username: str) -> InboxEntry | None:
        record = await self._entries.find_one({"_id": entry_id, "username": username})
        return InboxEntry.of(record) if record else None


class DirectoryCopy:
    """Agencies and accounts, in the latest state that assignment has published."""

    def __init__(self, database: Database) -> None:
        self._agencies: Collection = database[_AGENCIES]
        self._people: Collection = database[_PEOPLE]
        self._names: BatchedReads[str, Mapping[str, str]] = BatchedReads(self._names_of, name="agencies.reads")
        self._holders: BatchedReads[Post, list[Record]] = BatchedReads(self._holders_of, name="people.reads")

    async def keep_agency(self, code: str, name: str, sequence: int) -> None:
        """Store an agency, unless a later state is stored already."""
        await _keep_latest(self._agencies, code, {"name": {"$literal": name}}, sequence)

    async def keep_person(self, person: Person, sequence: int, at: datetime) -> None:
        """Store an account, unless a later state is stored already; `at` is the time of the change.

        `since` becomes `at` only when the role, the agency or `disabled` changes. `appeared` then becomes `sequence`,
        until `forget_appearance`.
        """
        held = {"role": person.role, "agency": person.agency, "disabled": person.disabled}
        unchanged = {"$and": [{"$eq": [f"${name}", {"$literal": value}]} for name, value in held.items()]}
        since = {"$cond": [unchanged, "$since", at]}
        appeared = {"$cond": [unchanged, "$appeared", sequence]}
        values = {name: {"$literal": value} for name, value in {**held, "name": person.name}.items()}
        await _keep_latest(self._people, person.username, {**values, "since": since, "appeared": appeared}, sequence)

    async def has_just_appeared(self, username: str, sequence: int) -> bool:
        """Whether this state of an account gave it its present role and agency, and that was not dealt with yet."""
        return await self._people.find_one({"_id": username, "appeared": sequence}, {"_id": 1}) is not None

    async def forget_appearance(self, username: str, sequence: int) -> None:
        """Store that an appearance was dealt with."""
        await self._people.update_one({"_id": username, "appeared": sequence}, {"$unset": {"appeared": ""}})

    async def agencies(self) -> list[Record]:
        """Return all stored agencies."""
        return await self._agencies.find().to_list(None)

    async def people(self) -> list[Record]:
        """Return all stored accounts."""
        return await self._people.find().to_list(None)

    async def names(self, agencies: Some[str]) -> dict[str, str]:
        """Return the names of the agencies that are stored, by code."""
        found = await self._names.get(agencies)
        return {code: found[code] for code in agencies if code in found}

    async def holders(self, posts: Some[Post]) -> list[Person]:
        """Return the people who hold at least one of the posts."""
        # Each caller parses its own records. A record that cannot be parsed fails for its caller only.
        found = await self._holders.get(posts)
        people = [person_of(record) for record in found if any(_may_be_held(post, record) for post in posts)]
        return [person for person in people if any(post.is_held_by(person) for post in posts)]

    async def _names_of(self, codes: Some[str]) -> Mapping[str, str]:
        records = await self._agencies.find({"_id": {"$in": [*codes]}}, {"name": True}).to_list(None)
        return {record["_id"]: record["name"] for record in records}

    async def _holders_of(self, posts: Some[Post]) -> list[Record]:
        return await self._people.find({"$or": _by_post(posts)}).to_list(None)


def _by_post(posts: Iterable[Post]) -> list[Record]:
    usernames: list[str] = []
    agencies: dict[Role, list[str]] = {}
    everywhere: list[Record] = []
    for post in posts:
        if post.username is not None:
            usernames.append(post.username)
        elif post.agency is None:
            everywhere.append({"role": post.role})
        elif post.role is not None:
            agencies.setdefault(post.role, []).append(post.agency)
    in_agencies: list[Record] = [{"agency": {"$in": codes}, "role": role} for role, codes in agencies.items()]
    return [{"_id": {"$in": usernames}}, *in_agencies, *everywhere]


def _may_be_held(post: Post, record: Record) -> bool:
    if post.username is not None:
        return bool(post.username == record["_id"])
    return bool(post.role == record["role"] if post.agency is None else post.agency == record["agency"])


def person_of(record: Record) -> Person:
    """Return the account of a record; those of earlier versions have no name."""
    since, name = record.get("since"), record.get("name")
    return Person(record["_id"], Role(record["role"]), record["agency"], record["disabled"], name, since)


async def _keep_latest(collection: Collection, key: str, values: dict[str, Any], sequence: int) -> None:
    older = {"_id": key, "sequence": {"$lt": sequence}}
    change = [{"$set": {**values, "sequence": sequence}}]
    try:
        await collection.update_one(older, change, upsert=True)
    except DuplicateKeyError:
        # A later state is stored, or another consumer has just inserted one. Only an older state is replaced.
        await collection.update_one(older, change)
