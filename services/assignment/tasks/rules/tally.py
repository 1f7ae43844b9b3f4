"""The tally of a task: how many entries its history has of each quota, and how many bytes of texts.

It is made from the history alone. A record that was written before there was a tally gets its own from its history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from services.assignment.tasks.rules.state import Quota, Tally
from shared.office.vocabulary import Role

if TYPE_CHECKING:
    from services.assignment.tasks.rules.state import HistoryEntry

_COUNTED: Final[Mapping[str, Quota]] = MappingProxyType(
    {
        "corrected": Quota.CORRECTIONS,
        "reassigned": Quota.REASSIGNMENTS,
        "delegated": Quota.DELEGATIONS,
        "progressed": Quota.PROGRESS,
        "contributed": Quota.CONTRIBUTIONS,
        "urged": Quota.URGINGS,
        "extension_requested": Quota.REQUESTS,
        "report_returned": Quota.RETURNS,
        "explanation_refused": Quota.RETURNS,
    }
)
"""The facts that a quota counts."""
_FOLLOWING: Final[Mapping[str, Quota]] = MappingProxyType(
    {
        "reported": Quota.RETURNS,
        "explanation_submitted": Quota.RETURNS,
    }
)
"""What is returned or refused, and what answers it: of these the quota holds the bytes only."""


def quota_of(fact: str, role: Role | None) -> Quota | None:
    """Return the quota that a fact by an account of this role belongs to."""
    quota = _COUNTED.get(fact) or _FOLLOWING.get(fact)
    of_monitor = quota is Quota.URGINGS and role in {Role.HEAD, Role.SERVICE}
    return Quota.URGINGS_OF_MONITOR if of_monitor else quota


def is_counted(fact: str) -> bool:
    return fact in _COUNTED


def tallied(tally: tuple[Tally, ...], entry: HistoryEntry) -> tuple[Tally, ...]:
    """Return the tally after one more entry."""
    quota = quota_of(entry.act, entry.role)
    if quota is None:
        return tally
    agency = entry.agency if quota is Quota.CONTRIBUTIONS else None
    before = used(tally, quota, agency)
    entries = before.entries + is_counted(entry.act)
    after = replace(before, agency=agency, entries=entries, bytes=before.bytes + _bytes_of(entry.details))
    others = (one for one in tally if (one.quota, one.agency) != (quota, agency))
    return (*others, after)


def tally_of(history: Iterable[HistoryEntry]) -> tuple[Tally, ...]:
    """Return the tally of a whole history."""
    start: tuple[Tally, ...] = ()
    return reduce(tallied, history, start)


def used(tally: Iterable[Tally], quota: Quota, agency: str | None = None) -> Tally:
    """Return what was used of a quota, by one agency or by all."""
    found = [one for one in tally if one.quota is quota and agency in {None, one.agency}]
    return Tally(quota=quota, entries=sum(one.entries for one in found), bytes=sum(one.bytes for one in found))


def _bytes_of(value: Any) -> int:
    match value:
        case str():
            return len(value.encode())
        case Mapping():
            return sum(map(_bytes_of, value.values()))
        case list() | tuple():
            return sum(map(_bytes_of, value))
        case _:
            return 0
