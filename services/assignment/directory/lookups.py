"""What every request asks of the directory: read anew for each, by one read for all that ask at the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from services.assignment.directory.session_store import to_session
from services.assignment.directory.store import to_account, to_credentials
from shared.batching import BatchedReads
from shared.office.codes import Codes

if TYPE_CHECKING:
    from services.assignment.directory.rules.account import Account
    from services.assignment.directory.rules.session import Session
    from services.assignment.directory.session_store import SessionStore
    from services.assignment.directory.store import Credentials, DirectoryStore
    from shared.mongo import Record
    from shared.office.vocabulary import AgencyKind


class Lookups:
    """Nothing is kept, so a disabled account is refused at its next request, by every replica."""

    def __init__(self, store: DirectoryStore, sessions: SessionStore) -> None:
        self._store = store
        self._accounts: BatchedReads[str, Mapping[str, Record]] = BatchedReads(
            store.accounts_named, name="accounts.reads"
        )
        self._credentials: BatchedReads[str, Mapping[str, Record]] = BatchedReads(
            store.credentials_of, name="credentials.reads"
        )
        self._agencies: BatchedReads[str, Codes] = BatchedReads(store.codes, name="agencies.reads")
        self._sessions: BatchedReads[str, Mapping[str, Record]] = BatchedReads(
            sessions.sessions_with, name="sessions.reads"
        )

    async def account(self, username: str) -> Account | None:
        # Each caller parses its own record. A record that cannot be parsed fails for its caller only.
        found = (await self._accounts.get([username])).get(username)
        return to_account(found) if found else None

    async def credentials(self, username: str) -> Credentials | None:
        found = (await self._credentials.get([username])).get(username)
        return to_credentials(found) if found else None

    async def session(self, session_id: str) -> Session | None:
        found = (await self._sessions.get([session_id])).get(session_id)
        return to_session(found) if found else None

    async def accounts(self, usernames: Iterable[str]) -> Mapping[str, Account]:
        """Return those of the accounts that are there."""
        asked = set(usernames)
        found = await self._accounts.get(asked)
        return {name: to_account(found[name]) for name in asked if name in found}

    async def agencies_of_kind(self, kind: AgencyKind) -> tuple[str, ...]:
        """Return the codes of all agencies of a kind, sorted."""
        return await self._store.agencies_of_kind(kind)

    async def usable_accounts(self, usernames: Iterable[str]) -> Mapping[str, Account]:
        """Return those of the accounts that are there and not disabled."""
        found = await self.accounts(usernames)
        return {name: account for name, account in found.items() if not account.disabled}

    async def codes(self, codes: Iterable[str]) -> Codes:
        """Return the agencies that the codes name, in whatever case; others may be among them."""
        return await self._agencies.get(frozenset(codes))
