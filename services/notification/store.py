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

_MOST_UNREAD: Final = 1_000
"""No more unread entries than this are counted."""

_OF_A_PERSON: Final = Index(_INBOX, (*ascending("username"), *_NEWEST_FIRST))
_OF_A_TASK: Final = Index(_INBOX, (*ascending("username", "task_id"), *_NEWEST_FIRST))
INDEXES: Final = (
    _OF_A_PERSON,
    _OF_A_TASK,
    Index(_INBOX, ascending("username", "unread"), partial={"unread": True}),
    Index(_PEOPLE, ascending("agency", "role")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One notification of one person; `title` and `text` hold a text for each language."""

    id: str
    username: str
    task_id: str
    kind: str
    at: datetime
    title: dict[str, str]
    text: dict[str, str]
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
        }

    @classmethod
    def of(cls, record: Record) -> InboxEntry:
        plain = {name: value for name, value in record.items() if name not in {"_id", "unread"}}
        return cls(id=record["_id"], **plain)


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Which entries of a person: those of one task or all, and after which entry (its `at` and id)."""

    username: str
    task_id: str | None = None
    after: tuple[datetime, str] | None = None

    def filter(self) -> Record:
        """Return one range of the index, or the two after an entry: a batch gives thousands of entries one moment."""
        wanted: Record = {"username": self.username}
        if self.task_id is not None:
            wanted["task_id"] = self.task_id
        if self.after is None:
            return wanted
        at, entry_id = self.after
        return {"$or": [{**wanted, "at": {"$lt": at}}, {**wanted, "at": at, "_id": {"$lt": entry_id}}]}

    @property
    def index(self) -> str:
        """The name of the index that is read."""
        return (_OF_A_PERSON if self.task_id is None else _OF_A_TASK).full_name


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
        async for record in self._entries.aggregate([{"$group": {"_id": "$task_id"}}], allowDiskUse=True):
            yield record["_id"]

    async def find(self, query: InboxQuery, limit: int) -> list[InboxEntry]:
        """Return up to `limit` entries, newest first."""
        found = await find_by_index(self._entries, query.filter(), query.index, _NEWEST_FIRST, limit)
        return [InboxEntry.of(record) for record in found]

    async def count_unread(self, username: str) -> int:
        """Count the unread entries, up to `_MOST_UNREAD`."""
        return await self._entries.count_documents({"username": username, "unread": True}, limit=_MOST_UNREAD)

    async def mark_read(self, entry_id: str, username: str, now: datetime) -> bool:
        """Mark an entry as read, and return whether it was unread before."""
        changed = await self._entries.update_one(
            {"_id": entry_id, "username": username, "unread": True}, {"$set": {"read_at": now, "unread": False}}
        )
        return changed.modified_count == 1

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

        `since` becomes `at` only when the role, the agency or `disabled` changes.
        """
        held = {"role": person.role, "agency": person.agency, "disabled": person.disabled}
        unchanged = {"$and": [{"$eq": [f"${name}", {"$literal": value}]} for name, value in held.items()]}
        since = {"$cond": [unchanged, {"$ifNull": ["$since", at]}, at]}
        values = {name: {"$literal": value} for name, value in held.items()}
        await _keep_latest(self._people, person.username, {**values, "since": since}, sequence)

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
        people = [_person(record) for record in found if any(_may_be_held(post, record) for post in posts)]
        return [person for person in people if any(post.is_held_by(person) for post in posts)]

    async def _names_of(self, codes: Some[str]) -> Mapping[str, str]:
        records = await self._agencies.find({"_id": {"$in": [*codes]}}, {"name": True}).to_list(None)
        return {record["_id"]: record["name"] for record in records}

    async def _holders_of(self, posts: Some[Post]) -> list[Record]:
        return await self._people.find({"$or": _by_post(posts)}).to_list(None)


def _by_post(posts: Iterable[Post]) -> list[Record]:
    usernames: list[str] = []
    agencies: dict[Role, list[str]] = {}
    for post in posts:
        if post.username is not None:
            usernames.append(post.username)
        elif post.role is not None and post.agency is not None:
            agencies.setdefault(post.role, []).append(post.agency)
    in_agencies: list[Record] = [{"agency": {"$in": codes}, "role": role} for role, codes in agencies.items()]
    return [{"_id": {"$in": usernames}}, *in_agencies]


def _may_be_held(post: Post, record: Record) -> bool:
    return post.username == record["_id"] or (post.agency is not None and post.agency == record["agency"])


def _person(record: Record) -> Person:
    return Person(record["_id"], Role(record["role"]), record["agency"], record["disabled"])


async def _keep_latest(collection: Collection, key: str, values: dict[str, Any], sequence: int) -> None:
    older = {"_id": key, "sequence": {"$lt": sequence}}
    change = [{"$set": {**values, "sequence": sequence}}]
    try:
        await collection.update_one(older, change, upsert=True)
    except DuplicateKeyError:
        # A later state is stored, or another consumer has just inserted one. Only an older state is replaced.
        await collection.update_one(older, change)
