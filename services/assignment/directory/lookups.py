"""What every request asks of the directory: read anew for each, but in one go for all that ask at the same moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from services.assignment.directory.store import to_account
from shared.batching import Batcher

if TYPE_CHECKING:
    from services.assignment.directory.rules.account import Account
    from services.assignment.directory.store import DirectoryStore
    from shared.mongo import Record

_MOST: Final = 100


class Lookups:
    """Nothing is kept: whoever is disabled is out with the next request, whichever replica it meets."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store
        self._accounts: Batcher[Collection[str], Mapping[str, Record]] = Batcher(self._accounts_of, most=_MOST)
        self._agencies: Batcher[Collection[str], frozenset[str]] = Batcher(self._agencies_of, most=_MOST)

    async def account(self, username: str) -> Account | None:
        # Each reads what it asked for by itself: one that cannot be read is nobody else's trouble.
        found = (await self._accounts.submit([username])).get(username)
        return to_account(found) if found else None

    async def usable_accounts(self, usernames: Iterable[str]) -> Mapping[str, Account]:
        """Return those of the accounts that are there and not disabled."""
        asked = set(usernames)
        found = await self._accounts.submit(asked)
        accounts = {name: to_account(found[name]) for name in asked if name in found}
        return {name: account for name, account in accounts.items() if not account.disabled}

    async def known_agencies(self, codes: Iterable[str]) -> frozenset[str]:
        """Return those of the codes that name an agency."""
        asked = frozenset(codes)
        return asked & await self._agencies.submit(asked)

    async def _accounts_of(self, asked: Sequence[Collection[str]]) -> Sequence[Mapping[str, Record]]:
        return [await self._store.accounts_named({name for names in asked for name in names})] * len(asked)

    async def _agencies_of(self, asked: Sequence[Collection[str]]) -> Sequence[frozenset[str]]:
        return [await self._store.known_agencies({code for codes in asked for code in codes})] * len(asked)
