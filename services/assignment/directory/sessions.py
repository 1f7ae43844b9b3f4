"""Sessions of people who sign in through the web pages: how they begin, go on and end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.assignment.directory.attempt_queue import Shares, queue_full
from services.assignment.directory.lookups import Lookups
from services.assignment.directory.passwords import hash_secret, new_secret
from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.session import LONGEST_ADDRESS, LONGEST_AGENT, Session, plain
from services.assignment.directory.session_store import SessionStore
from shared.clock import true_now
from shared.office.access import Principal
from shared.office.refusal import Code, Refusal
from shared.web.auth import Verifier

_MOST_REFRESHES: Final = 100


class SignedIn(NamedTuple):
    """Who gets a token, and of which session it is; `refresh_token` is there when the session has just begun."""

    account: Account
    session: Session | None = None
    refresh_token: str | None = None
    refresh_expires_in: int | None = None


class Sessions:
    """The sessions of all accounts; `lifetime` is how long one lasts, `now` the true time."""

    def __init__(
        self,
        store: SessionStore,
        lookups: Lookups,
        verifier: Verifier,
        lifetime: timedelta,
        now: Callable[[], datetime] = true_now,
    ) -> None:
        self._store = store
        self._lookups = lookups
        self._verifier = verifier
        self._lifetime = lifetime
        self._now = now
        self._refreshes = Shares(_MOST_REFRESHES, queue_full)

    async def begin(self, account: Account, address: str, agent: str) -> SignedIn:
        """Begin a session of somebody who has proven who they are; only the answer ever has its refresh token."""
        token, now = new_secret(), self._now()
        session = Session(
            id=hash_secret(token),
            username=account.username,
            generation=account.tokens_from,
            started_at=now,
            last_used_at=now,
            ends_at=now + self._lifetime,
            address=plain(address, LONGEST_ADDRESS),
            agent=plain(agent, LONGEST_AGENT),
        )
        await self._store.insert(session)
        return SignedIn(account, session, token, session.seconds_left(now))

    async def refresh(self, token: str) -> SignedIn | None:
        """Return whose session it is; None if the token is unknown or the session has ended.

        Raises:
            HttpRefusal: unavailable, too many are under way.

        """
        with self._refreshes.one(None):
            session, now = await self._lookups.session(hash_secret(token)), self._now()
            if session is None:
                return None
            account = await self._lookups.account(session.username)
            if account is None or not session.is_alive(account, now):
                return None
            if session.is_to_be_noted(now):
                await self._store.note_use(session.id, now)
            return SignedIn(account, session, refresh_expires_in=session.seconds_left(now))

    async def revoke(self, token: str) -> bool:
        """End the session that a refresh token, or an access token, is of; an unknown token ends none.

        Return whether such a token can be revoked: an access token of no session cannot.
        """
        session_id = self._session_of(token)
        if session_id is not None:
            await self._store.end(session_id)
        return session_id is not None

    async def own(self, caller: Principal) -> list[Session]:
        """Return the caller's sessions that have not ended, newest first."""
        account, now = await self._lookups.account(caller.username), self._now()
        return [session for session in await self._store.sessions_of(caller.username) if session.is_alive(account, now)]

    async def end(self, caller: Principal, session_id: str) -> None:
        """End one of the caller's sessions.

        Raises:
            Refusal: not-found, also for somebody else's.

        """
        if session_id not in {session.id for session in await self.own(caller)}:
            raise Refusal(Code.NOT_FOUND)
        await self._store.end(session_id)

    async def end_all(self, caller: Principal) -> None:
        """End every session of the caller, the present one too."""
        await self._store.end_all(caller.username)

    def _session_of(self, token: str) -> str | None:
        try:
            return self._verifier.verified(token).session
        except Refusal:
            return hash_secret(token)
