"""What one version of a task adds to the figures, from its own moment until that of the next version."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict

from shared.events.task import TaskBrief
from shared.office.sameness import same_number_key, same_text_key
from shared.office.vocabulary import RequestState

if TYPE_CHECKING:
    from shared.events.envelope import Event
    from shared.events.task import Document, Task, TaskChanged
    from shared.office.vocabulary import ExplanationState, Stage

FIRST: Final = 1
"""The sequence of a task's first version."""
NEWEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""The `until` of a task's newest version."""
_OTHERWISE: Final = {"document", "explanation"}
"""Fields that are named as in the task and have a value of another form."""


class Same(TypedDict):
    """What is equal for documents, and for fields, that count as one (`shared/office/sameness.py`)."""

    document: str | None
    field: str | None


def same_of(document: str | None, field: str | None) -> Same:
    """Return the keys of a document, named as `document_key` does, and of a field."""
    return {
        "document": None if document is None else same_number_key(document),
        "field": None if field is None else same_text_key(field),
    }


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a task, with only what is counted; `at` is when it was recorded."""

    task: str
    sequence: int
    at: datetime
    stage: Stage
    lead_agency: str
    assigner: str
    document: str | None
    field: str | None
    assigned_at: datetime
    due_at: datetime | None
    completed_at: datetime | None
    submitted_at: datetime | None
    missed_at: datetime | None
    report_due_at: datetime | None
    explanation: ExplanationState
    explanation_due_at: datetime | None
    extensions_requested: int
    extensions_approved: int
    reports_returned: int
    urgings: int
    same: Same

    @property
    def id(self) -> str:
        """The id; the same version always has the same one."""
        return f"{self.task}:{self.sequence}"

    def to_fields(self) -> dict[str, Any]:
        """Return the fields by name. `asdict` copies every value, which took a fifth of the time of an event."""
        return {name: getattr(self, name) for name in _FIELDS}


def version_of(event: Event[TaskChanged]) -> Version:
    """Return what is counted of an event."""
    return version_of_task(event.data.task, int(event.sequence), event.time)


_FIELDS: Final = [field.name for field in fields(Version)]
_OF_THE_TASK: Final = set(_FIELDS) & (TaskBrief.model_fields.keys() - _OTHERWISE)
"""What a version takes from the task as it is, under the same name."""


def version_of_task(task: Task, sequence: int, at: datetime) -> Version:
    """Return what is counted of a task; `submitted_at` is that of the current report, if there is one."""
    document = document_key(task.document)
    return Version(
        **{name: getattr(task, name) for name in _OF_THE_TASK},
        task=task.id,
        sequence=sequence,
        at=at,
        document=document,
        submitted_at=task.current_submission,
        explanation=task.explanation.state,
        explanation_due_at=task.explanation.due_at,
        extensions_requested=len(task.extension.requests),
        extensions_approved=_approved(task),
        reports_returned=task.report.returns,
        same=same_of(document, task.field),
    )


def document_key(document: Document | None) -> str | None:
    """Name a document by number and date, as two documents of different years may share a number."""
    if document is None:
        return None
    return document.number if document.issued_on is None else f"{document.number} ({document.issued_on})"


def _approved(task: Task) -> int:
    return sum(request.state is RequestState.APPROVED for request in task.extension.requests)
