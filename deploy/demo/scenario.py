"""What the demo tells: papers, the tasks they give, and the life of each, day by day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final

from deploy.demo.days import Day
from deploy.demo.people import COORDINATORS, FINANCE_PROGRAM, STAFF
from shared.office.vocabulary import Authority, Priority, Role

STEPS: Final = (-63, -62, -48, -47, -35, -34, -22, -21, -12, -8, -5, -3, -1, 0)
"""The mornings on which something is done."""


class Actor(Enum):
    """Who acts on a task, by how they stand to it."""

    LEADER = auto()
    COORDINATOR = auto()
    HEAD = auto()
    CLERK = auto()
    OFFICER = auto()
    PROGRAM = auto()


@dataclass(frozen=True, slots=True)
class OfficerOfLead:
    """In place of a username: an officer of the agency that leads when the act is done."""

    number: int = 1


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did on the morning `on`; `agency` says of which agency they are, if not of the lead."""

    on: int
    name: str
    by: Actor
    body: Mapping[str, Any]
    agency: str | None = None
    number: int = 1
    """Which officer acts."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that gives tasks."""

    number: str
    issued: int
    summary: str

    @property
    def body(self) -> dict[str, Any]:
        return {"number": self.number, "issued_on": Day(self.issued), "summary": self.summary}


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A task and its life; `life` is in the order of what was done.

    `due` is a day, or none; with `to_the_moment` the very end of that day, even if it is a day off. Tasks `together`
    are given by one batch with all others of the same paper, assigner and day.
    """

    title: str
    lead: str
    paper: Paper
    assigner: str
    authority: Authority
    assigned: int
    product: str
    field: str
    due: int | None = None
    to_the_moment: bool = False
    due_text: str | None = None
    priority: Priority = Priority.NORMAL
    coordinating: tuple[str, ...] = ()
    monitor: str | None = None
    entered_by: Actor = Actor.COORDINATOR
    together: bool = False
    replaces: "Task | None" = None
    life: tuple[Act, ...] = ()

    @property
    def key(self) -> str:
        """Tell the task from all others, the same each time."""
        return sha256(f"{self.title}\n{self.lead}\n{self.assigned}".encode()).hexdigest()[:16]

    @property
    def enterer(self) -> str:
        return self.assigner if self.entered_by is Actor.LEADER else COORDINATORS[self.assigner]

    @property
    def mornings(self) -> set[int]:
        """The days on which somebody does something with it."""
        return {self.assigned, *(act.on for act in self.life)}

    def led(self) -> Iterator[tuple[Act, str]]:
        """Return each act with the agency that leads when it is done."""
        lead = self.lead
        for act in self.life:
            yield act, lead
            lead = act.body.get("lead_agency", lead)

    def performer(self, act: Act, lead: str) -> str:
        """Return the username of who does an act."""
        match act.by:
            case Actor.LEADER:
                return self.assigner
            case Actor.COORDINATOR:
                return COORDINATORS[self.assigner]
            case Actor.PROGRAM:
                return FINANCE_PROGRAM
            case Actor.HEAD | Actor.CLERK | Actor.OFFICER:
                return STAFF[act.agency or lead].username(Role[act.by.name], act.number)
