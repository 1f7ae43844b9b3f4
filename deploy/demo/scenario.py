"""The story of the demo: papers, the tasks they assign, and the life of each task, day by day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final

from deploy.demo.days import Morning
from deploy.demo.people import COORDINATORS, FINANCE_PROGRAM, STAFF
from shared.office.vocabulary import Authority, Priority, Role

STEPS: Final = (-63, -62, -48, -47, -35, -34, -22, -21, -12, -8, -5, -3, -1, 0)
"""The mornings on which something is done."""


class Actor(Enum):
    """Who acts on a task, named by their part in it."""

    LEADER = auto()
    COORDINATOR = auto()
    HEAD = auto()
    CLERK = auto()
    OFFICER = auto()
    PROGRAM = auto()


@dataclass(frozen=True, slots=True)
class OfficerOfLead:
    """Stands for a username: an officer of the agency that leads when the act is done."""

    number: int = 1


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """What somebody did on the morning `on`. `agency` is that person's agency if it is not the lead."""

    on: int
    name: str
    by: Actor
    body: Mapping[str, Any]
    agency: str | None = None
    number: int = 1
    """The number of the officer who acts."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that assigns tasks."""

    number: str
    issued: int
    summary: str

    @property
    def body(self) -> dict[str, Any]:
        return {"number": self.number, "issued_on": Morning(self.issued), "summary": self.summary}


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A task and its life. The acts in `life` are in the order in which they were done.

    `due` is a day, or none. With `to_the_moment` the task is due at the end of that day, even if it is a day off. Tasks
    with `together` are assigned in one batch with all others of the same paper, assigner and day.
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
    life: tuple[PlannedAct, ...] = ()

    @property
    def key(self) -> str:
        """Identify the task; the key is the same each time."""
        return sha256(f"{self.title}\n{self.lead}\n{self.assigned}".encode()).hexdigest()[:16]

    @property
    def enterer(self) -> str:
        return self.assigner if self.entered_by is Actor.LEADER else COORDINATORS[self.assigner]

    @property
    def mornings(self) -> set[int]:
        """The days on which somebody acts on the task."""
        return {self.assigned, *(act.on for act in self.life)}

    def led(self) -> Iterator[tuple[PlannedAct, str]]:
        """Give each act with the agency that leads when it is done."""
        lead = self.lead
        for act in self.life:
            yield act, lead
            lead = act.body.get("lead_agency", lead)

    def performer(self, act: PlannedAct, lead: str) -> str:
        """Return the username of the person who does an act."""
        match act.by:
            case Actor.LEADER:
                return self.assigner
            case Actor.COORDINATOR:
                return COORDINATORS[self.assigner]
            case Actor.PROGRAM:
                return FINANCE_PROGRAM
            case Actor.HEAD | Actor.CLERK | Actor.OFFICER:
                return STAFF[act.agency or lead].username(Role[act.by.name], act.number)
