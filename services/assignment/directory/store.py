"""The collections `agencies` and `accounts`: every query, index and write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import DuplicateKeyError

from services.assignment.directory.events import account_changed, agency_changed
from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.agency import Agency
from services.assignment.directory.uncancelled import to_the_end
from shared.clock import true_now
from shared.events.envelope import Event
from shared.messaging import outbox
from shared.mongo import Database, Index, Record, ascending
from shared.office.codes import Codes, folded_code
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import AgencyKind, Role, Scope

Result = TypeVar("Result")

AGENCIES: Final = "agencies"
ACCOUNTS: Final = "accounts"
_GUARDS: Final = "directory_guards"

INDEXES: Final = (
    Index(AGENCIES, ascending("folded"), unique=True, partial={"folded": {"$exists": True}}),
    Index(AGENCIES, ascending("kind", "_id")),
    Index(AGENCIES, ascending("parent", "_id")),
    Index(ACCOUNTS, ascending("agency", "_id")),
    Index(ACCOUNTS, ascending("agency", "role", "_id")),
    Index(ACCOUNTS, ascending("role", "_id")),
)

_AGENCY_FIELDS: Final = {"name": 1, "kind": 1, "short_name": 1, "parent": 1, "version": 1}
_ACCOUNT_FIELDS: Final = {
    "display_name": 1,
    "role": 1,
    "agency": 1,
    "position": 1,
    "email": 1,
    "scopes": 1,
    "disabled": 1,
    "version": 1,
    "tokens_from": 1,
}
_ADDED_LATER: Final = {"tokens_from": 0}
"""What a field is in a record of an earlier version, which does not have it."""
_OF_LAST_CHANGE: Final = {"changed_at": 1, "correlationid": 1}
_READ_OF_ACCOUNT: Final = {**_ACCOUNT_FIELDS, "one_time_until": 1}
_CREDENTIALS_FIELDS: Final = {**_READ_OF_ACCOUNT, "password": 1, "secret": 1}
ENDS_TOKENS: Final[Mapping[str, Any]] = {"$inc": {"tokens_from": 1}}
"""Goes into the update of an account after which none of its tokens and sessions may go on."""
_MANY_CODES: Final = 10_000
"""Whoever asks for more is answered from all agencies: a batch may name a million codes, an office has thousands."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account with its hashes: a person has a password, a program may have a secret."""

    account: Account
    password: str | None
    secret: str | None


class DirectoryStore:
    """Agencies and accounts in MongoDB; within a transaction when `serialised` made the store."""

    def __init__(self, database: Database, session: AsyncIOMotorClientSession | None = None) -> None:
        self._database = database
        self._agencies = database[AGENCIES]
        self._accounts = database[ACCOUNTS]
        self._session = session

    async def serialised(
        self, what: Literal["agencies", "accounts"], change: Callable[[DirectoryStore], Awaitable[Result]]
    ) -> Result:
        """Run a change whose rule looks at more than one record, in a transaction; two changes never overlap.

        Each transaction first changes one guard record. Of two at the same time, MongoDB rolls the second back, and
        it runs again on the result of the first; `change` may therefore be called more than once.

        A change that has begun is brought to its end when the caller is cancelled, because Motor's session may not be
        cancelled in the middle of a call. It is not begun again.
        """
        is_wanted = True

        async def guarded(session: AsyncIOMotorClientSession) -> Result:
            if not is_wanted:
                raise Refusal(Code.UNAVAILABLE)
            guards = self._database[_GUARDS]
            await guards.update_one({"_id": what}, {"$inc": {"changes": 1}}, upsert=True, session=session)
            return await change(DirectoryStore(self._database, session))

        async def transact() -> Result:
            async with await self._database.client.start_session() as session:
                return await session.with_transaction(guarded)

        try:
            return await to_the_end(transact())
        except asyncio.CancelledError:
            is_wanted = False
            raise

    # Agencies

    async def fold_codes(self) -> None:
        """Give the agencies of earlier versions the form by which codes are found in any case; may be repeated.

        Of codes that already differ only in their case, the first is found so. The others are found as they are
        written.
        """
        async for record in self._agencies.find({"folded": {"$exists": False}}, {"_id": 1}).sort("_id", 1):
            with suppress(DuplicateKeyError):
                change = {"$set": {"folded": folded_code(record["_id"])}}
                await self._agencies.update_one({"_id": record["_id"]}, change)

    async def agency(self, code: str) -> Agency | None:
        """Return the agency with this code, in whatever case."""
        found = await self._agencies.find(_spelled([code]), _AGENCY_FIELDS, session=self._session).to_list()
        records = sorted(found, key=lambda record: record["_id"] != code)
        return _agency(records[0]) if records else None

    async def agencies(
        self, *, kind: AgencyKind | None, parent: str | None, after: str | None, limit: int
    ) -> list[Agency]:
        """Return up to `limit` agencies in order of their codes, beginning after the code `after`."""
        query = _given(kind=kind, parent=parent) | _beyond(after)
        found = self._agencies.find(query, _AGENCY_FIELDS).sort("_id", 1).limit(limit)
        return [_agency(record) async for record in found]

    async def codes(self, codes: Iterable[str]) -> Codes:
        """Return the agencies that the codes name, in whatever case; all agencies if there are very many codes."""
        asked = list(codes)
        query = _spelled(asked) if len(asked) <= _MANY_CODES else {}
        found = await self._agencies.find(query, {"folded": 1}, session=self._session).to_list()
        by_folded = {record["folded"]: record["_id"] for record in found if "folded" in record}
        return Codes(frozenset(record["_id"] for record in found), by_folded)

    async def agencies_of_kind(self, kind: AgencyKind) -> tuple[str, ...]:
        """Return the codes of all agencies of a kind, sorted."""
        found = self._agencies.find({"kind": kind}, {"_id": 1}).sort("_id", 1)
        return tuple(record["_id"] for record in await found.to_list())

    async def line_from(self, code: str | None) -> list[str]:
        """Return the codes of the agency and of all agencies above it, nearest first; empty when it is unknown."""
        line: list[str] = []
        while code is not None and (agency := await self.agency(code)) is not None:
            line.append(agency.code)
            code = agency.parent
        return line

    async def agency_events(self) -> AsyncIterator[tuple[str, Event[Any]]]:
        """Yield each code with the event of the agency's last change."""
        async for record in self._agencies.find({}, {**_AGENCY_FIELDS, **_OF_LAST_CHANGE}):
            yield record["_id"], agency_changed(_agency(record), *_last_change(record))

    async def insert_agency(self, agency: Agency, event: Event[Any]) -> None:
        """Insert a new agency together with its event.

        Raises:
            Refusal: the code is taken.

        """
        found_by = {"_id": agency.code, "folded": folded_code(agency.code)}
        await self._insert(AGENCIES, found_by | _agency_fields(agency), event)

    async def save_agency(self, agency: Agency, event: Event[Any]) -> None:
        await self._save(AGENCIES, agency.code, _agency_fields(agency), event)

    # Accounts

    async def account(self, username: str) -> Account | None:
        found = await self._accounts.find_one({"_id": username}, _READ_OF_ACCOUNT, session=self._session)
        return to_account(found) if found else None

    async def accounts_named(self, usernames: Iterable[str]) -> Mapping[str, Record]:
        """Return the accounts that exist, by username, as records for `to_account`."""
        found = self._accounts.find({"_id": {"$in": list(usernames)}}, _READ_OF_ACCOUNT, session=self._session)
        return {record["_id"]: record for record in await found.to_list()}

    async def accounts(self, *, agency: str | None, role: Role | None, after: str | None, limit: int) -> list[Account]:
        """Return up to `limit` accounts in order of their usernames, beginning after the username `after`."""
        query = _given(agency=agency, role=role) | _beyond(after)
        found = self._accounts.find(query, _READ_OF_ACCOUNT).sort("_id", 1).limit(limit)
        return [to_account(record) async for record in found]

    async def account_events(self) -> AsyncIterator[tuple[str, Event[Any]]]:
        """Yield each username with the event of the account's last change."""
        async for record in self._accounts.find({}, {**_ACCOUNT_FIELDS, **_OF_LAST_CHANGE}):
            yield record["_id"], account_changed(to_account(record), *_last_change(record))

    async def other_administrator_exists(self, username: str) -> bool:
        """Whether another account than this one is an active administrator."""
        query = {"role": Role.ADMINISTRATOR, "disabled": False, "_id": {"$ne": username}}
        return await self._accounts.find_one(query, {"_id": 1}, session=self._session) is not None

    async def credentials_of(self, usernames: Iterable[str]) -> Mapping[str, Record]:
        """Return the accounts that exist, by username, as records for `to_credentials`."""
        found = self._accounts.find({"_id": {"$in": list(usernames)}}, _CREDENTIALS_FIELDS)
        return {record["_id"]: record for record in await found.to_list()}

    async def insert_account(self, account: Account, password: str | None, event: Event[Any]) -> None:
        """Insert a new account with the hash of its password, together with its event.

        Raises:
            Refusal: the username is taken.

        """
        proofs = {"password": password, "one_time_until": account.one_time_until, "secret": None}
        await self._insert(ACCOUNTS, {"_id": account.username, **_account_fields(account), **proofs}, event)

    async def save_account(self, account: Account, event: Event[Any]) -> None:
        await self._save(ACCOUNTS, account.username, _account_fields(account), event)

    async def set_password(self, username: str, password: str, *, one_time_until: datetime | None = None) -> None:
        """Store the hash of a person's new password; every token and session of the person ends in the same write.

        A one-time password is valid until the given moment. What a person sets goes through `replace_own_password`.
        """
        change = {"password": password, "one_time_until": one_time_until}
        await self._accounts.update_one({"_id": username}, {"$set": change, **ENDS_TOKENS})

    async def replace_own_password(self, owner: Account, password: str) -> bool:
        """Set a password as `set_password` does, unless tokens have ended since `owner` was read; return whether."""
        as_read: Record = {"tokens_from": owner.tokens_from or {"$in": [None, 0]}}
        change = {"password": password, "one_time_until": None}
        changed = await self._accounts.update_one({"_id": owner.username, **as_read}, {"$set": change, **ENDS_TOKENS})
        return changed.matched_count == 1

    async def replace_password(self, username: str, old: str, new: str) -> None:
        """Replace the hash `old` with another hash of the same password, unless the password was changed meanwhile."""
        await self._accounts.update_one({"_id": username, "password": old}, {"$set": {"password": new}})

    async def set_secret(self, username: str, secret: str) -> None:
        """Store the hash of a program's new secret; the old secret and every token end in the same write."""
        await self._accounts.update_one({"_id": username}, {"$set": {"secret": secret}, **ENDS_TOKENS})

    async def _insert(self, collection: str, record: Record, event: Event[Any]) -> None:
        record |= _made_by(event)
        try:
            await self._database[collection].insert_one(record | outbox.fields([event]), session=self._session)
        except DuplicateKeyError as taken:
            raise Refusal(Code.ALREADY_EXISTS) from taken

    async def _save(self, collection: str, key: str, fields: Record, event: Event[Any]) -> None:
        change = outbox.push([event], {"$set": fields | _made_by(event)})
        await self._database[collection].update_one({"_id": key}, change, session=self._session)


def _made_by(event: Event[Any]) -> Record:
    """Return what is kept of the event of the last change, so that the same event can be sent again."""
    return {"changed_at": event.time, "correlationid": event.correlationid}


def _last_change(record: Record) -> tuple[datetime, str | None]:
    """Return when the last change was, and its correlation id. Before these were kept, the moment is not known."""
    return record.get("changed_at") or true_now(), record.get("correlationid")


def _given(**equals: str | None) -> Record:
    return {field: value for field, value in equals.items() if value is not None}


def _spelled(codes: Iterable[str]) -> Record:
    asked = list(codes)
    return {"$or": [{"_id": {"$in": asked}}, {"folded": {"$in": [folded_code(code) for code in asked]}}]}


def _beyond(key: str | None) -> Record:
    return {} if key is None else {"_id": {"$gt": key}}


def _agency_fields(agency: Agency) -> Record:
    return {field: getattr(agency, field) for field in _AGENCY_FIELDS}


def _agency(record: Record) -> Agency:
    fields = {field: record[field] for field in _AGENCY_FIELDS}
    return Agency(record["_id"], **fields | {"kind": AgencyKind(record["kind"])})


def _account_fields(account: Account) -> Record:
    return {field: getattr(account, field) for field in _ACCOUNT_FIELDS} | {"scopes": sorted(account.scopes)}


def to_account(record: Record) -> Account:
    """Read an account from its record.

    Raises:
        ValueError: it has a role or a scope that only a later version of the program knows.

    """
    given: Record = _ADDED_LATER | record
    fields = {field: given[field] for field in _ACCOUNT_FIELDS}
    closed = {"role": Role(record["role"]), "scopes": frozenset(map(Scope, record["scopes"]))}
    return Account(record["_id"], **fields | closed, one_time_until=record.get("one_time_until"))


def to_credentials(record: Record) -> Credentials:
    """Read an account with its hashes; raises as `to_account` does."""
    return Credentials(to_account(record), record["password"], record["secret"])
