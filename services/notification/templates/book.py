"""The structure of a book of texts, the same for every language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final, NamedTuple

from services.notification.rules.routing import Recipient
from shared.office.vocabulary import Authority


class Reader(StrEnum):
    """The capacity in which a person reads a note; it decides what the note asks of them."""

    LEAD = auto()
    FORMER_LEAD = auto()
    OFFICER = auto()
    FORMER_OFFICER = auto()
    DECIDER = auto()
    COORDINATING = auto()
    MONITOR = auto()
    TAKEN_OUT = auto()


READS_AS: Final[Mapping[Recipient, Reader]] = MappingProxyType(
    {
        Recipient.HEAD_OF_LEAD: Reader.LEAD,
        Recipient.CLERK_OF_LEAD: Reader.LEAD,
        Recipient.OFFICER: Reader.OFFICER,
        Recipient.ASSIGNER: Reader.DECIDER,
        Recipient.ENTERED_BY: Reader.DECIDER,
        Recipient.COORDINATORS: Reader.DECIDER,
        Recipient.FORMER_HEAD: Reader.FORMER_LEAD,
        Recipient.FORMER_OFFICER: Reader.FORMER_OFFICER,
        Recipient.HEADS_OF_COORDINATING: Reader.COORDINATING,
        Recipient.HEAD_OF_MONITOR: Reader.MONITOR,
        Recipient.HEADS_OF_ADDED: Reader.COORDINATING,
        Recipient.HEAD_OF_NEW_MONITOR: Reader.MONITOR,
        Recipient.HEADS_OF_TAKEN_OUT: Reader.TAKEN_OUT,
    }
)


class Note(NamedTuple):
    """A title, and a text of two sentences: what happened, and what the reader is asked to do."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Book:
    """The texts of one language; `tasks_waiting` is the one that is of no single task.

    `notes` and `fragments` are format strings; what a user wrote only ever fills a place and is never read as one.
    """

    notes: Mapping[str, Mapping[Reader, Note]]
    tasks_waiting: Note
    fragments: Mapping[str, str]
    givers: Mapping[Authority | None, str]
