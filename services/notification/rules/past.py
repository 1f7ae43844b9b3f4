"""The occasions of a task's history, entry by entry, derived from the history alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from services.notification.rules.occasion import occasion_of_entry
from services.notification.rules.routing import Occasion
from shared.events.task import HistoryEntry


@dataclass(frozen=True, slots=True)
class Places:
    """Who holds which place in a task."""

    lead_agency: str
    coordinating_agencies: tuple[str, ...]
    monitor: str | None
    assigner: str
    entered_by: str
    officer: str | None = None

    @classmethod
    def of(cls, first: HistoryEntry) -> Places:
        """Return the places after the first entry of a history."""
        details = first.details
        coordinating = tuple(details["coordinating_agencies"])
        return cls(details["lead_agency"], coordinating, details["monitor"], details["assigner"], first.by)

    def after(self, entry: HistoryEntry) -> Places:
        """Return the places after an entry; most entries do not change them."""
        match entry.act:
            case "delegated":
                return replace(self, officer=entry.details["officer"])
            case "officer_left":
                return replace(self, officer=None)
            case "corrected":
                return self._corrected(entry.details["changes"])
            case "reassigned":
                return self._led_by(entry.details["lead_agency"])
            case _:
                return self

    def _corrected(self, changes: dict[str, Any]) -> Places:
        coordinating = tuple(changes.get("coordinating_agencies", self.coordinating_agencies))
        return replace(self, coordinating_agencies=coordinating, monitor=changes.get("monitor", self.monitor))

    def _led_by(self, lead: str) -> Places:
        coordinating = tuple(code for code in self.coordinating_agencies if code != lead)
        monitor = None if self.monitor == lead else self.monitor
        return replace(self, lead_agency=lead, coordinating_agencies=coordinating, monitor=monitor, officer=None)


def occasions(task_id: str, history: Iterable[HistoryEntry]) -> Iterator[tuple[HistoryEntry, Occasion]]:
    """Yield every entry of a complete history, oldest first, with its occasion."""
    places: Places | None = None
    for entry in history:
        places = places.after(entry) if places else Places.of(entry)
        yield entry, occasion_of_entry(task_id, entry, places)
