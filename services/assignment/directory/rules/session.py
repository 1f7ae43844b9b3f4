"""A session: a person who signed in through the web pages, until they sign out or it ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.assignment.directory.rules.account import Account

MOST: Final = 20
"""How many sessions one account has; when another begins, the oldest ends."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How exact `last_used_at` is: a session that is used all the time is written this seldom."""
LONGEST_ADDRESS: Final = 64
LONGEST_AGENT: Final = 200


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept; its `id` is the SHA-256 of its refresh token, from which nobody finds the token.

    `generation` is `tokens_from` of the account when the session began. `address` and `agent` are where the person
    signed in from, for their own eyes.
    """

    id: str
    username: str
    generation: int
    started_at: datetime
    last_used_at: datetime
    ends_at: datetime
    address: str | None = None
    agent: str | None = None

    def is_alive(self, account: Account | None, now: datetime) -> bool:
        """Whether the session still gives tokens, and its tokens are still good; `account` is the one of its owner."""
        if account is None or account.disabled:
            return False
        return self.generation == account.tokens_from and now < self.ends_at

    def is_to_be_noted(self, now: datetime) -> bool:
        """Whether a use at this moment is worth a write."""
        return now - self.last_used_at >= NOTED_EVERY

    def seconds_left(self, now: datetime) -> int:
        """Return for how many whole seconds it goes on."""
        return int((self.ends_at - now).total_seconds())


def plain(text: str, longest: int) -> str | None:
    """Return a text that a stranger sent as a short line of printable ASCII; None if nothing is left of it."""
    return "".join(character for character in text if " " <= character <= "~")[:longest].strip() or None
