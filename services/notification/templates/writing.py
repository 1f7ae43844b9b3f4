"""Writes the notifications of an event, in both languages, when their entries are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from services.notification.rules.routing import Recipient
from services.notification.templates import english, vietnamese
from services.notification.templates.book import READS_AS, Book, Note
from services.notification.templates.material import NoteMaterial
from services.notification.templates.phrases import Phrases
from shared.office.labels import Language, count_text
from shared.office.workdays import WorkCalendar

BOOKS: Final[Mapping[Language, Book]] = MappingProxyType(
    {Language.VIETNAMESE: vietnamese.BOOK, Language.ENGLISH: english.BOOK}
)


Notes: TypeAlias = Mapping[Language, Note]


def write(material: NoteMaterial, recipients: Iterable[Recipient], calendar: WorkCalendar) -> Mapping[Recipient, Notes]:
    """Return the note of an event for the holders of each place, in each language."""
    phrases = [Phrases(language, book, calendar) for language, book in BOOKS.items()]
    found = [(each, each.of(material)) for each in phrases]
    return {
        recipient: {each.language: _write(material.kind, recipient, each, words) for each, words in found}
        for recipient in set(recipients)
    }


def write_tasks_waiting(count: int) -> Notes:
    """Return the note that so many tasks wait for the reader's agency to receive them."""
    return {
        language: Note(*(part.format(count=count_text(count, language)) for part in book.tasks_waiting))
        for language, book in BOOKS.items()
    }


def _write(kind: str, recipient: Recipient, phrases: Phrases, words: Mapping[str, str]) -> Note:
    note = phrases.book.notes[kind][READS_AS[recipient]]
    own = {**words, **phrases.of_reader(recipient)}
    return Note(note.title.format_map(own), note.text.format_map(own))
