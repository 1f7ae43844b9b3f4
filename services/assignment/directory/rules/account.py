"""An account, and what its role requires of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.office.access import Principal
from shared.office.refusal import Code, FieldCode, Refusal, Violation, invalid
from shared.office.vocabulary import Role, Scope

LONGEST_USERNAME = 100
RESERVED = frozenset({"system"})
"""Usernames that nobody may have. In a history, `system` is the actor of what happens by the passing of time."""

_NEED_NO_AGENCY = frozenset({Role.LEADER, Role.AUDITOR, Role.ADMINISTRATOR})
_SEE_EVERY_ACCOUNT = frozenset({Role.ADMINISTRATOR, Role.LEADER, Role.COORDINATOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in, and with which role. It never holds the password or the secret, nor a hash of them."""

    username: str
    display_name: str
    role: Role
    agency: str | None = None
    position: str | None = None
    email: str | None = None
    scopes: frozenset[Scope] = frozenset()
    disabled: bool = False
    version: int = 1
    tokens_from: int = 0
    """The generation of the tokens and sessions that are good now; all older ones have ended."""
    one_time_until: datetime | None = None
    """Until when the password is valid if it is a one-time password; None if it is one of the person's own."""

    @property
    def is_program(self) -> bool:
        return self.role is Role.SERVICE

    @property
    def administers(self) -> bool:
        """Whether the account can change the directory now."""
        return self.role is Role.ADMINISTRATOR and not self.disabled

    @property
    def principal(self) -> Principal:
        scopes = frozenset(self.scopes)
        return Principal(self.username, self.role, self.agency, scopes, must_change_password=self.must_change_password)

    @property
    def must_change_password(self) -> bool:
        return self.one_time_until is not None

    def changed(self, changes: Mapping[str, Any]) -> Account:
        """Return the next version, with the fields that `changes` names; itself if nothing is different.

        Disabling ends all tokens and sessions.
        """
        same = replace(self, **changes)
        if same == self:
            return self
        after = replace(same, version=self.version + 1)
        return after.without_tokens() if after.disabled and not self.disabled else after

    def without_tokens(self) -> Account:
        """Return the account with every token and session ended."""
        return replace(self, tokens_from=self.tokens_from + 1)


def folded_username(text: str) -> str:
    """Return the username that a text means: usernames are in lower case, and blanks around one are of no account."""
    return text.strip().lower()


def require_fields_of_role(account: Account) -> None:
    """Refuse an account that lacks a field its role needs, or has a field its role may not have."""
    if problems := tuple(_problems(account)):
        raise Refusal(Code.VALIDATION, *problems)


def _problems(account: Account) -> Iterator[Violation]:
    if account.agency is None and account.role not in _NEED_NO_AGENCY:
        yield Violation("agency", FieldCode.MISSING)
    if account.scopes and not account.is_program:
        yield Violation("scopes", FieldCode.NOT_ALLOWED)


def require_password_of_person(account: Account, *, given: bool) -> None:
    """Refuse a person without a password, and a program with one: a program signs in with a secret."""
    if given is account.is_program:
        raise invalid("password", FieldCode.NOT_ALLOWED if given else FieldCode.MISSING)
    if account.is_program and account.must_change_password:
        raise invalid("one_time", FieldCode.NOT_ALLOWED)


def require_allowed_change(before: Account, after: Account, *, another_administers: bool) -> None:
    """Refuse a change that would leave no administrator, or turn a person into a program or the reverse.

    A person has a password and a program has a secret, so the other kind needs a new account.
    """
    if before.is_program is not after.is_program:
        raise invalid("role", FieldCode.NOT_ALLOWED)
    if before.administers and not after.administers and not another_administers:
        raise invalid("disabled" if after.disabled else "role", FieldCode.LAST_ADMINISTRATOR)


def sees_every_account(caller: Principal) -> bool:
    return caller.role in _SEE_EVERY_ACCOUNT


def sees_account(caller: Principal, account: Account) -> bool:
    """Whether the account is within the caller's sight: all, or the caller's own and those of their agency."""
    if sees_every_account(caller) or caller.username == account.username:
        return True
    return caller.agency is not None and caller.agency == account.agency
