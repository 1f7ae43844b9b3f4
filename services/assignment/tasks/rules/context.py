"""What a decision may look at besides the task: the moment, the caller, the calendar and the directory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar


class KnownAccount(Protocol):
    """What the rules ask of an account that a body names."""

    @property
    def role(self) -> Role: ...
    @property
    def agency(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The directory's part holds only what the body names: agencies that exist, accounts that may be used."""

    now: datetime
    actor: Principal
    calendar: WorkCalendar
    policy: Policy
    agencies: Collection[str] = frozenset()
    accounts: Mapping[str, KnownAccount] = field(default_factory=dict)
