"""The collection `sessions`: every query, index and write. A session that has ended is not there any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Final

from services.assignment.directory.rules.session import MOST, NOTED_EVERY, Session
from shared.mongo import Database, Index, Record, ascending

SESSIONS: Final = "sessions"
INDEXES: Final = (
    Index(SESSIONS, ascending("username", "started_at", "_id")),
    Index(SESSIONS, ascending("ends_at"), expire_after=0),
)
_FIELDS: Final = tuple(field.name for field in fields(Session) if field.name != "id")
_NEWEST_FIRST: Final = [("started_at", -1), ("_id", -1)]


class SessionStore:
    """Sessions in MongoDB.

    A session ends when its record is deleted. One that ends in another way (its time is over, the account's
    `tokens_from` went on) stays until the index on `ends_at` removes it; `Session.is_alive` says so until then.
    """

    def __init__(self, database: Database) -> None:
        self._sessions = database[SESSIONS]

    async def insert(self, session: Session) -> None:
        """Insert a session; the oldest of the account's end when it has more than `MOST`."""
        await self._sessions.insert_one(_to_record(session))
        found = self._sessions.find({"username": session.username}, {"_id": 1}).sort(_NEWEST_FIRST).skip(MOST)
        if too_many := [record["_id"] for record in await found.to_list()]:
            await self._sessions.delete_many({"_id": {"$in": too_many}})

    async def sessions_with(self, ids: Iterable[str]) -> Mapping[str, Record]:
        """Return the sessions that exist, by id, as records for `to_session`."""
        found = self._sessions.find({"_id": {"$in": list(ids)}})
        return {record["_id"]: record for record in await found.to_list()}

    async def sessions_of(self, username: str) -> list[Session]:
        """Return the newest sessions of an account, at most `MOST`."""
        found = self._sessions.find({"username": username}).sort(_NEWEST_FIRST).limit(MOST)
        return [to_session(record) async for record in found]

    async def note_use(self, session_id: str, now: datetime) -> None:
        """Write down that a session was used, unless another replica just did."""
        not_lately = {"_id": session_id, "last_used_at": {"$lte": now - NOTED_EVERY}}
        await self._sessions.update_one(not_lately, {"$set": {"last_used_at": now}})

    async def end(self, session_id: str) -> None:
        """End a session; nothing happens if there is none."""
        await self._sessions.delete_one({"_id": session_id})

    async def end_all(self, username: str) -> None:
        await self._sessions.delete_many({"username": username})


def _to_record(session: Session) -> Record:
    return {"_id": session.id, **{name: getattr(session, name) for name in _FIELDS}}


def to_session(record: Record) -> Session:
    return Session(record["_id"], **{name: record[name] for name in _FIELDS})
