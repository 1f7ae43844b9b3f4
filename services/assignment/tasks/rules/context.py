"""What a rule looks at besides the task: the command, the moment, the caller, the calendar and the directory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self

from shared.office.access import Principal
from shared.office.codes import Codes
from shared.office.policy import Policy
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar


class KnownAccount(Protocol):
    """What the rules need to know of an account that a command names."""

    @property
    def role(self) -> Role: ...
    @property
    def agency(self) -> str | None: ...


class Command:
    """What a body asks for. It names the agencies and accounts that must be looked up before a rule decides."""

    __slots__ = ()

    def named_agencies(self) -> Iterable[str]:
        return ()

    def named_accounts(self) -> Iterable[str]:
        return ()

    def spelled(self, _codes: Codes) -> Self:
        """Return the command with the codes of agencies as they were first written."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The moment, the calendar and the policy: enough to tell what time has brought."""

    now: datetime
    calendar: WorkCalendar
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Situation):
    """`agencies` and `accounts` hold those that the command names, if they exist; `accounts` has no disabled one."""

    caller: Principal
    agencies: Collection[str] = frozenset()
    accounts: Mapping[str, KnownAccount] = field(default_factory=dict)
    disabled: Collection[str] = frozenset()
    """The accounts that the command names and that are disabled."""
