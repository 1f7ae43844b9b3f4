"""The phrases that fill the places of a note, in one language.

| place | holds |
|---|---|
| `task`, `Task` | the kind of thing, its title in quotation marks and its document in parentheses |
| `lead`, `giver`, `actor` | the lead agency; who assigned, by their office; who acted, an agency or the giver |
| `officer` | the officer to whom the task was delegated, by name if that is known |
| `decider` | whom to ask for a decision: the leader, or who prepares it for them |
| `handover` | the task going from one lead agency to another, or back to the same |
| `term` | until when, a part of a sentence, also where there is no deadline |
| `due`, `due_on`, `asked` | the day or moment the term ends, the same with its preposition, the one asked for |
| `receipt_due`, `explanation_due` | when to receive, when to explain |
| `left`, `late` | working days left at the moment of telling; by how many the task is overdue |
| `outcome`, `cause`, `urgency` | completed and how; the coded cause; the priority where it is not normal |
| `reason`, `message`, `instruction`, `directive` | what somebody wrote, quoted; empty where they wrote nothing |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from services.notification.rules.routing import Recipient
from services.notification.templates.book import Book
from services.notification.templates.material import Due, NoteMaterial
from shared.office.labels import (
    CAUSES,
    PRIORITIES,
    Language,
    day_text,
    document_text,
    moment_text,
    working_days_text,
)
from shared.office.vocabulary import Priority
from shared.office.workdays import WorkCalendar

_LONGEST_QUOTE: Final = 300
_END_OF_DAY: Final = time(23, 59, 59, 999_000)


def quoted(text: str) -> str:
    """Put a text on one line without its full stop, and cut it after a word if it is too long for a sentence."""
    line = " ".join(text.split())
    line = line if line.endswith("..") else line.removesuffix(".")
    if len(line) <= _LONGEST_QUOTE:
        return line
    cut = line[:_LONGEST_QUOTE]
    return (cut.rpartition(" ")[0] or cut) + "…"


@dataclass(frozen=True, slots=True)
class Phrases:
    """Writes facts as phrases of one language."""

    language: Language
    book: Book
    calendar: WorkCalendar

    def of_reader(self, recipient: Recipient) -> dict[str, str]:
        """Return the places whose phrases depend on the reader."""
        return {"decider": self._decider(recipient)}

    def of(self, material: NoteMaterial) -> dict[str, str]:
        """Return all other places with their phrases, which are the same for every reader."""
        giver = self.book.givers[material.authority]
        task = self._task(material)
        return {
            "task": task,
            "Task": task[:1].upper() + task[1:],
            "lead": material.lead,
            "giver": giver,
            "actor": material.actor or giver,
            "officer": self._officer(material),
            "handover": self._handover(material, task),
            "outcome": self._outcome(material),
            "cause": self._say("cause", cause=CAUSES[material.cause].inside(self.language)) if material.cause else "",
            "urgency": self._urgency(material.priority),
            **self._times(material),
            **self._quotes(material),
        }

    def _times(self, material: NoteMaterial) -> dict[str, str]:
        return {
            "term": self._term(material),
            "due": self._due(material.due),
            "due_on": self._due_on(material.due),
            "asked": self._due(material.asked),
            "receipt_due": self._ends(material.receipt_due_at),
            "explanation_due": self._ends(material.explanation_due_at),
            "left": self._left(material),
            "late": self._late(material),
        }

    def _quotes(self, material: NoteMaterial) -> dict[str, str]:
        written: Mapping[str, str | None] = {
            "reason": material.reason,
            "message": material.message,
            "instruction": material.instruction,
            "directive": material.directive,
        }
        return {name: self._say(name, words=quoted(words)) if words else "" for name, words in written.items()}

    def _task(self, material: NoteMaterial) -> str:
        number = document_text(material.document, self.language) if material.document else ""
        document = self._say("document", document=quoted(number)) if number else ""
        return self._say("task", title=quoted(material.title), document=document)

    def _decider(self, recipient: Recipient) -> str:
        prepares = recipient in {Recipient.ENTERED_BY, Recipient.COORDINATORS}
        return self._say("entered_by" if prepares else "assigner")

    def _officer(self, material: NoteMaterial) -> str:
        if material.officer is None:
            return self._say("another_officer")
        return self._say("officer", name=quoted(material.officer))

    def _handover(self, material: NoteMaterial, task: str) -> str:
        if material.former is None:
            return self._say("handed", task=task, lead=material.lead)
        name = "handed_back" if material.former == material.lead else "handed_over"
        return self._say(name, task=task, lead=material.lead, former=material.former)

    def _urgency(self, priority: Priority) -> str:
        if priority is Priority.NORMAL:
            return ""
        return self._say("urgency", priority=PRIORITIES[priority].inside(self.language))

    def _outcome(self, material: NoteMaterial) -> str:
        if material.due is None or material.submitted_at is None:
            return self._say("completed")
        in_time = material.submitted_at <= material.due.moment
        return self._say("completed_on_time" if in_time else "completed_late")

    def _term(self, material: NoteMaterial) -> str:
        if material.due is not None:
            return self._say("term", due=self._due(material.due))
        if material.term_in_words:
            return self._say("term_in_words", words=quoted(material.term_in_words))
        return self._say("no_term")

    def _left(self, material: NoteMaterial) -> str:
        if material.due is None or material.reminded_at is None:
            return ""
        days = self._working_days(material.reminded_at, material.due.moment)
        return self._say("left", days=self._days(days)) if days else ""

    def _late(self, material: NoteMaterial) -> str:
        if material.due is None:
            return ""
        days = self._working_days(material.due.moment, material.at)
        return self._say("late_by" if days else "late", days=self._days(days), due=self._due(material.due))

    def _working_days(self, start: datetime, end: datetime) -> int:
        return self.calendar.working_days_between(self.calendar.local_day(start), self.calendar.local_day(end))

    def _days(self, days: int) -> str:
        return working_days_text(days, self.language)

    def _ends(self, moment: datetime | None) -> str:
        return self._due_on(Due(moment)) if moment else ""

    def _due_on(self, due: Due | None) -> str:
        if due is None:
            return ""
        text = self._due(due)
        return self._say("on_day", day=text) if self._is_whole_day(due.moment) else text

    def _due(self, due: Due | None) -> str:
        if due is None:
            return ""
        if not self._is_whole_day(due.moment):
            return moment_text(due.moment, self._zone, self.language)
        return day_text(date.fromisoformat(due.day) if due.day else self.calendar.local_day(due.moment))

    def _is_whole_day(self, moment: datetime) -> bool:
        return moment.astimezone(self._zone).time() == _END_OF_DAY

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.calendar.policy.timezone)

    def _say(self, fragment: str, **words: str) -> str:
        return self.book.fragments[fragment].format_map(words)
