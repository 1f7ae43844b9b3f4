"""The particulars of a task: what it is about, and which agencies help.

A new particular is added here. The task's state, the command that assigns, the history entry and the correction take it
from here; `docs/architecture/changing.md` lists the few other places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from shared.office.vocabulary import Authority, Priority

IsoDay = str
"""A day of the calendar as it is written, `YYYY-MM-DD`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A paper of the office (văn bản): number, date and summary."""

    number: str
    issued_on: IsoDay | None = None
    summary: str | None = None

    @classmethod
    def of(cls, details: Mapping[str, Any] | None) -> Document | None:
        """Read what a history entry keeps of a document."""
        return cls(**details) if details else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What the assigner says of a task, and may correct later."""

    title: str
    description: str | None = None
    product: str | None = None
    document: Document | None = None
    field: str | None = None
    priority: Priority = Priority.NORMAL
    coordinating_agencies: tuple[str, ...] = ()
    monitor: str | None = None


_READ: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "document": Document.of,
        "priority": Priority,
        "authority": Authority,
        "coordinating_agencies": tuple,
    }
)
"""How a value is read back where the history keeps it in a plainer form than the task does."""


def to_details(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as a history entry keeps them: in the plain forms that MongoDB and JSON have."""
    return {name: _plain(value) for name, value in values.items()}


def from_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `to_details` made, as the task has it; also after storage has turned enums into texts."""
    return {name: _read(name, value) for name, value in details.items()}


def _plain(value: Any) -> Any:
    match value:
        case Document():
            return asdict(value)
        case tuple():
            return list(value)
        case _:
            return value


def _read(name: str, value: Any) -> Any:
    return value if value is None or name not in _READ else _READ[name](value)
