"""The marks of a task: what a few tasks have, of the fields of few values. One index of all marks serves every filter.

Most tasks are of normal priority, and most ask for no extension. What most tasks have is no mark: a list narrowed by it
is read as if it was not.
"""

from __future__ import annotations

from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.assignment.tasks.rules.state import Task

MARKED: Final = ("batch", "explanation.state", "extension.state", "priority", "authority")
"""The fields that make a mark. Those with the fewest tasks a value come first."""
_COMMON: Final = frozenset({None, "none", "normal"})
_VALUE_OF: Final[Mapping[str, Callable[[Task], Any]]] = MappingProxyType({field: attrgetter(field) for field in MARKED})
MISSED: Final = "missed"


def mark(field: str, value: str | None) -> str | None:
    """Return the mark of a field with this value; None if most tasks have it."""
    return None if value in _COMMON else f"{field}:{value}"


def marks_of(task: Task) -> list[str]:
    marks = [mark(field, value_of(task)) for field, value_of in _VALUE_OF.items()]
    return [*filter(None, marks), *([MISSED] if task.missed_at else [])]
