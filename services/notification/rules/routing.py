"""Who is notified of what: the table `RECIPIENTS`. Nobody is notified of what they did themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final

from shared.office.vocabulary import Role


class Recipient(StrEnum):
    """A place in a task, whose holders are notified."""

    HEAD_OF_LEAD = auto()
    CLERK_OF_LEAD = auto()
    OFFICER = auto()
    ASSIGNER = auto()
    ENTERED_BY = auto()
    FORMER_HEAD = auto()
    HEADS_OF_COORDINATING = auto()
    HEAD_OF_MONITOR = auto()


_LEAD: Final = (Recipient.HEAD_OF_LEAD, Recipient.CLERK_OF_LEAD)
# Not every coordinator, although each of them may decide: only the one who entered the task.
_ASSIGNER_SIDE: Final = (Recipient.ASSIGNER, Recipient.ENTERED_BY)
_CONCERNED: Final = (Recipient.HEADS_OF_COORDINATING, Recipient.HEAD_OF_MONITOR)
_NOBODY: Final = ()

# By kind: the event's name without its version. A person who holds two places is notified once, for the first.
RECIPIENTS: Final[Mapping[str, tuple[Recipient, ...]]] = MappingProxyType(
    {
        "task.assigned": (*_LEAD, *_CONCERNED),
        "task.received": (Recipient.HEAD_OF_LEAD,),  # of a clerk's receipt only
        "task.refused": _ASSIGNER_SIDE,
        "task.reassigned": (*_LEAD, Recipient.FORMER_HEAD, *_CONCERNED),
        "task.corrected": _LEAD,
        "task.deadline_set": _LEAD,
        "task.delegated": (Recipient.OFFICER,),
        "task.officer_left": _LEAD,
        "task.progressed": _NOBODY,
        "task.contributed": _NOBODY,
        "task.extension_requested": _ASSIGNER_SIDE,
        "task.extension_approved": _LEAD,
        "task.extension_refused": _LEAD,
        "task.reported": _ASSIGNER_SIDE,
        "task.report_returned": (*_LEAD, Recipient.OFFICER),
        "task.completed": (*_LEAD, Recipient.OFFICER, *_CONCERNED),
        "task.recalled": (*_LEAD, Recipient.OFFICER, *_CONCERNED),
        "task.urged": (*_LEAD, Recipient.OFFICER),
        "task.explanation_required": _LEAD,
        "task.explanation_withdrawn": _NOBODY,
        "task.explanation_submitted": _ASSIGNER_SIDE,
        "task.explanation_accepted": _LEAD,
        "task.explanation_refused": _LEAD,
        "deadline.due_soon": (*_LEAD, Recipient.OFFICER),
        "deadline.due_today": (*_LEAD, Recipient.OFFICER),
        "deadline.missed": _NOBODY,  # task.explanation_required notifies of it
        "deadline.receipt_overdue": (*_LEAD, *_ASSIGNER_SIDE),
        "deadline.report_missing": (*_LEAD, Recipient.OFFICER),
        "deadline.explanation_overdue": (*_LEAD, *_ASSIGNER_SIDE),
    }
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What happened to which task: the fields that decide who is notified. `by` is None if no person acted."""

    kind: str
    task_id: str
    lead_agency: str
    assigner: str
    entered_by: str
    officer: str | None = None
    coordinating_agencies: tuple[str, ...] = ()
    monitor: str | None = None
    former_lead: str | None = None
    by: str | None = None
    by_role: Role | None = None

    @property
    def agencies(self) -> frozenset[str]:
        """All agencies that have a place in the task."""
        places = {self.lead_agency, *self.coordinating_agencies, self.monitor, self.former_lead}
        return frozenset(code for code in places if code is not None)


@dataclass(frozen=True, slots=True)
class Person:
    """An account: the fields that decide whether it is notified."""

    username: str
    role: Role
    agency: str | None = None
    disabled: bool = False

    @property
    def has_inbox(self) -> bool:
        """Whether the account has an inbox: a program and a disabled account have none."""
        return not self.disabled and self.role is not Role.SERVICE


@dataclass(frozen=True, slots=True)
class Post:
    """Who holds a place: a named account, or everyone with a role in an agency."""

    username: str | None = None
    role: Role | None = None
    agency: str | None = None

    def is_held_by(self, person: Person) -> bool:
        if self.username is not None:
            return person.username == self.username
        return person.role is self.role and person.agency == self.agency


def recipients(occasion: Occasion) -> tuple[Recipient, ...]:
    """Return the places whose holders are notified; none for a kind that is not in the table."""
    if occasion.kind == "task.received" and occasion.by_role is not Role.CLERK:
        return _NOBODY
    return RECIPIENTS.get(occasion.kind, _NOBODY)


def posts(occasion: Occasion) -> list[tuple[Recipient, Post]]:
    """Return every post whose holders are notified, in the order of the table."""
    holders = _holders(occasion)
    return [(recipient, post) for recipient in recipients(occasion) for post in holders[recipient]]


def recipients_of(occasion: Occasion, people: Iterable[Person]) -> dict[str, Recipient]:
    """Return the usernames to notify, each with the first place in the table for which it is notified."""
    readers = [person for person in people if person.has_inbox and person.username != occasion.by]
    found: dict[str, Recipient] = {}
    for recipient, post in posts(occasion):
        for person in readers:
            if post.is_held_by(person):
                found.setdefault(person.username, recipient)
    return found


def _holders(occasion: Occasion) -> dict[Recipient, list[Post]]:
    return {
        Recipient.HEAD_OF_LEAD: _in_agencies(Role.HEAD, occasion.lead_agency),
        Recipient.CLERK_OF_LEAD: _in_agencies(Role.CLERK, occasion.lead_agency),
        Recipient.OFFICER: _named(occasion.officer),
        Recipient.ASSIGNER: _named(occasion.assigner),
        Recipient.ENTERED_BY: _named(occasion.entered_by),
        Recipient.FORMER_HEAD: _in_agencies(Role.HEAD, occasion.former_lead),
        Recipient.HEADS_OF_COORDINATING: _in_agencies(Role.HEAD, *occasion.coordinating_agencies),
        Recipient.HEAD_OF_MONITOR: _in_agencies(Role.HEAD, occasion.monitor),
    }


def _named(username: str | None) -> list[Post]:
    return [] if username is None else [Post(username=username)]


def _in_agencies(role: Role, *agencies: str | None) -> list[Post]:
    return [Post(role=role, agency=agency) for agency in agencies if agency is not None]
