"""`agency.changed` and `account.changed`: the directory as the other services need it."""

from __future__ import annotations

from shared.events.envelope import Frozen
from shared.office.vocabulary import AgencyKind, Role


class AgencyChanged(Frozen):
    code: str
    name: str
    kind: AgencyKind
    short_name: str | None = None
    parent: str | None = None


class AccountChanged(Frozen):
    username: str
    display_name: str
    role: Role
    agency: str | None = None
    position: str | None = None
    email: str | None = None
    disabled: bool = False
