"""The events of the directory: an agency or an account as its last change left it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.agency import Agency
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.envelope import Event
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED

_SOURCE: Final = "/assignment"


def agency_changed(agency: Agency, at: datetime, correlation: str | None) -> Event[AgencyChanged]:
    """Return the event of the change that made this version of an agency."""
    data = AgencyChanged(
        code=agency.code,
        name=agency.name,
        kind=agency.kind,
        short_name=agency.short_name,
        parent=agency.parent,
    )
    return _event(AGENCY_CHANGED, f"agency:{agency.code}", agency.version, at, correlation, data)


def account_changed(account: Account, at: datetime, correlation: str | None) -> Event[AccountChanged]:
    """Return the event of the change that made this version of an account."""
    data = AccountChanged(
        username=account.username,
        display_name=account.display_name,
        role=account.role,
        agency=account.agency,
        position=account.position,
        email=account.email,
        disabled=account.disabled,
    )
    return _event(ACCOUNT_CHANGED, f"account:{account.username}", account.version, at, correlation, data)


def _event(name: str, key: str, version: int, at: datetime, correlation: str | None, data: Any) -> Event[Any]:
    return Event(
        id=f"{key}:{version}",
        source=_SOURCE,
        type=name,
        subject=key.partition(":")[2],
        time=at,
        sequence=str(version),
        correlationid=correlation,
        data=data,
    )
