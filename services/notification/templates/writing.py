"""Writes a notification in both languages, at the moment it is made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.notification.rules.routing import Recipient
from services.notification.templates import english, vietnamese
from services.notification.templates.book import READS_AS, Book, Note
from services.notification.templates.facts import Facts
from services.notification.templates.phrases import Phrases
from shared.office.labels import Language
from shared.office.workdays import WorkCalendar

BOOKS: Final[Mapping[Language, Book]] = MappingProxyType(
    {Language.VIETNAMESE: vietnamese.BOOK, Language.ENGLISH: english.BOOK}
)


def write(facts: Facts, recipient: Recipient, calendar: WorkCalendar) -> dict[Language, Note]:
    """Return what the holder of a place reads of an event, in each language."""
    return {language: _write(facts, recipient, Phrases(language, book, calendar)) for language, book in BOOKS.items()}


def _write(facts: Facts, recipient: Recipient, phrases: Phrases) -> Note:
    note = phrases.book.notes[facts.kind][READS_AS[recipient]]
    words = phrases.of(facts, recipient)
    return Note(note.title.format_map(words), note.text.format_map(words))
