"""Who is notified of what: the table `RECIPIENTS`.

Nobody is notified of what they did themselves, nor of a task that they may not see. Those from whom a task was taken
are told so nevertheless (`WITHOUT_LINK`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final

from shared.office.access import Principal, may_see
from shared.office.vocabulary import Role


class Recipient(StrEnum):
    """A place in a task, whose holders are notified."""

    HEAD_OF_LEAD = auto()
    CLERK_OF_LEAD = auto()
    OFFICER = auto()
    ASSIGNER = auto()
    ENTERED_BY = auto()
    COORDINATORS = auto()
    FORMER_HEAD = auto()
    FORMER_OFFICER = auto()
    HEADS_OF_COORDINATING = auto()
    HEAD_OF_MONITOR = auto()
    HEADS_OF_ADDED = auto()
    HEAD_OF_NEW_MONITOR = auto()
    HEADS_OF_TAKEN_OUT = auto()


_LEAD: Final = (Recipient.HEAD_OF_LEAD, Recipient.CLERK_OF_LEAD)
# Every coordinator may decide. Those who did not enter the task are notified only where nobody else is left to decide.
_ASSIGNER_SIDE: Final = (Recipient.ASSIGNER, Recipient.ENTERED_BY, Recipient.COORDINATORS)
_CONCERNED: Final = (Recipient.HEADS_OF_COORDINATING, Recipient.HEAD_OF_MONITOR)
_JOINING_OR_LEAVING: Final = (Recipient.HEADS_OF_ADDED, Recipient.HEAD_OF_NEW_MONITOR, Recipient.HEADS_OF_TAKEN_OUT)
_NOBODY: Final = ()

WITHOUT_LINK: Final = frozenset({Recipient.FORMER_HEAD, Recipient.FORMER_OFFICER, Recipient.HEADS_OF_TAKEN_OUT})
"""From these the task was taken, so that they may not see it any more: the text has all that they get to know."""

# By kind: the event's name without its version. A person who holds two places is notified once, for the first.
RECIPIENTS: Final[Mapping[str, tuple[Recipient, ...]]] = MappingProxyType(
    {
        "task.assigned": (*_LEAD, *_CONCERNED),
        "task.received": (Recipient.HEAD_OF_LEAD,),  # of a clerk's receipt only
        "task.refused": _ASSIGNER_SIDE,
        "task.reassigned": (*_LEAD, Recipient.FORMER_HEAD, Recipient.FORMER_OFFICER, *_CONCERNED),
        "task.corrected": (*_LEAD, *_JOINING_OR_LEAVING),
        "task.deadline_set": _LEAD,
        "task.delegated": (Recipient.OFFICER, Recipient.FORMER_OFFICER),
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
        "task.explanation_required": (*_LEAD, Recipient.OFFICER, Recipient.HEAD_OF_MONITOR),
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
    """What happened to which task: the fields that decide who is notified. `by` is None if no person acted.

    The places are those after the event. `added` and `new_monitor` are the agencies that a correction put into their
    places, `taken_out` those that it left without any.
    """

    kind: str
    task_id: str
    lead_agency: str
    assigner: str
    entered_by: str
    officer: str | None = None
    coordinating_agencies: tuple[str, ...] = ()
    monitor: str | None = None
    former_lead: str | None = None
    former_officer: str | None = None
    added: tuple[str, ...] = ()
    new_monitor: str | None = None
    taken_out: tuple[str, ...] = ()
    by: str | None = None
    by_role: Role | None = None

    @property
    def agencies(self) -> frozenset[str]:
        """All agencies that have a place in the task, or had one until now."""
        places = {self.lead_agency, *self.coordinating_agencies, self.monitor, self.former_lead, *self.taken_out}
        return frozenset(code for code in places if code is not None)


@dataclass(frozen=True, slots=True)
class Person:
    """An account: the fields that decide whether it is notified, and its name in the texts, if that is known.

    `since` is when it got this role in this agency.
    """

    username: str
    role: Role
    agency: str | None = None
    disabled: bool = False
    name: str | None = None
    since: datetime | None = field(default=None, compare=False)

    def was_there(self, moment: datetime) -> bool:
        """Whether the person had this role in this agency at a moment already, as far as it is known."""
        return self.since is None or self.since <= moment

    @property
    def has_inbox(self) -> bool:
        """Whether the account has an inbox: a program and a disabled account have none."""
        return not self.disabled and self.role is not Role.SERVICE

    @property
    def receives_for(self) -> str | None:
        """The agency whose tasks the person receives, as its head or clerk; None for everybody else."""
        return self.agency if self.has_inbox and self.role in {Role.HEAD, Role.CLERK} else None

    def sees(self, occasion: Occasion) -> bool:
        """Whether the person may see the task as the event left it."""
        return may_see(Principal(self.username, self.role, self.agency), occasion)

    def can_decide_on(self, occasion: Occasion) -> bool:
        """Whether the person is the assigner, or a coordinator, who acts for the assigner."""
        is_assigner = self.role is Role.LEADER and self.username == occasion.assigner
        return self.has_inbox and (is_assigner or self.role is Role.COORDINATOR)


@dataclass(frozen=True, slots=True)
class Post:
    """Who holds a place: a named account, or everyone with a role in an agency; without an agency, in any."""

    username: str | None = None
    role: Role | None = None
    agency: str | None = None

    def is_held_by(self, person: Person) -> bool:
        if self.username is not None:
            return person.username == self.username
        return person.role is self.role and self.agency in {None, person.agency}


EVERY_COORDINATOR: Final = Post(role=Role.COORDINATOR)


def recipients(occasion: Occasion) -> tuple[Recipient, ...]:
    """Return the places whose holders are notified; none for a kind that is not in the table."""
    if occasion.kind == "task.received" and occasion.by_role is not Role.CLERK:
        return _NOBODY
    return RECIPIENTS.get(occasion.kind, _NOBODY)


def posts(occasion: Occasion) -> list[tuple[Recipient, Post]]:
    """Return every post whose holders are notified, in the order of the table."""
    holders = _holders(occasion)
    return [(recipient, post) for recipient in recipients(occasion) for post in holders[recipient]]


def recipients_of(occasion: Occasion, people: Collection[Person]) -> dict[str, Recipient]:
    """Return the usernames to notify, each with the first place in the table for which it is notified."""
    readers = [person for person in people if person.has_inbox and person.username != occasion.by]
    found: dict[str, Recipient] = {}
    for recipient, post in _posts_told(occasion, people):
        for person in readers:
            if post.is_held_by(person) and (recipient in WITHOUT_LINK or person.sees(occasion)):
                found.setdefault(person.username, recipient)
    return found


def _posts_told(occasion: Occasion, people: Collection[Person]) -> list[tuple[Recipient, Post]]:
    """Leave out the coordinators, unless nobody else is left to decide."""
    found = posts(occasion)
    if is_nobody_left_to_decide(occasion, people):
        return found
    return [(recipient, post) for recipient, post in found if recipient is not Recipient.COORDINATORS]


def is_nobody_left_to_decide(occasion: Occasion, people: Iterable[Person]) -> bool:
    """Whether both the assigner and who entered the task are among the people, and neither of them can decide."""
    deciders = {occasion.assigner, occasion.entered_by}
    known = {person.username: person for person in people if person.username in deciders}
    return known.keys() == deciders and not any(person.can_decide_on(occasion) for person in known.values())


def _holders(occasion: Occasion) -> dict[Recipient, list[Post]]:
    return {
        Recipient.HEAD_OF_LEAD: _in_agencies(Role.HEAD, occasion.lead_agency),
        Recipient.CLERK_OF_LEAD: _in_agencies(Role.CLERK, occasion.lead_agency),
        Recipient.OFFICER: _named(occasion.officer),
        Recipient.ASSIGNER: _named(occasion.assigner),
        Recipient.ENTERED_BY: _named(occasion.entered_by),
        Recipient.COORDINATORS: [EVERY_COORDINATOR],
        Recipient.FORMER_HEAD: _in_agencies(Role.HEAD, occasion.former_lead),
        Recipient.FORMER_OFFICER: _named(occasion.former_officer),
        Recipient.HEADS_OF_COORDINATING: _in_agencies(Role.HEAD, *occasion.coordinating_agencies),
        Recipient.HEAD_OF_MONITOR: _in_agencies(Role.HEAD, occasion.monitor),
        Recipient.HEADS_OF_ADDED: _in_agencies(Role.HEAD, *occasion.added),
        Recipient.HEAD_OF_NEW_MONITOR: _in_agencies(Role.HEAD, occasion.new_monitor),
        Recipient.HEADS_OF_TAKEN_OUT: _in_agencies(Role.HEAD, *occasion.taken_out),
    }


def _named(username: str | None) -> list[Post]:
    return [] if username is None else [Post(username=username)]


def _in_agencies(role: Role, *agencies: str | None) -> list[Post]:
    return [Post(role=role, agency=agency) for agency in agencies if agency is not None]
