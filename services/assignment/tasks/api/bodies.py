"""What the requests about tasks carry, each judged by itself; `to_command` says what it asks for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.assigning import Assign
from services.assignment.tasks.rules.batch import MOST_TASKS
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.state import Document
from shared.office.refusal import FieldCode, invalid
from shared.office.vocabulary import Authority, Cause, Priority
from shared.web.conditions import fingerprint
from shared.web.fields import (
    AgencyCode,
    Body,
    DayField,
    DocumentNumber,
    FieldOfWork,
    Identifier,
    LongText,
    Maybe,
    MomentField,
    Note,
    Percent,
    StrictBool,
    Title,
    Username,
    counted_first,
    is_blank,
)

_MOST_AGENCIES: Final = 200
Agencies = Annotated[list[AgencyCode], Field(max_length=_MOST_AGENCIES), FailFast(), counted_first(_MOST_AGENCIES)]
"""Of wrong items the first is told: 5,000 tasks may name a million agencies, and to tell of each took ten seconds.

A list, because Pydantic counts a tuple only after it has judged every item: 1 MB of them took four seconds.
"""


class DocumentBody(Body):
    number: DocumentNumber
    issued_on: Maybe[DayField] = None
    summary: Maybe[LongText] = None

    def to_document(self) -> Document:
        return Document(number=self.number, issued_on=_written(self.issued_on), summary=self.summary)


class ReportDocumentBody(Body):
    number: DocumentNumber
    issued_on: Maybe[DayField] = None

    def to_document(self) -> Document:
        return Document(number=self.number, issued_on=_written(self.issued_on))


class ActBody(Body):
    """A body of an act."""

    @abstractmethod
    def to_command(self) -> Command: ...

    def meaning(self) -> dict[str, Any]:
        """Return what was asked for, equal for bodies that mean the same."""
        return self.model_dump(mode="json")


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _one_term(day: date | None, moment: datetime | None, field: str) -> RequestedDeadline:
    """Return the term of two fields of which one at most may be given; `field` is the moment's."""
    if day is not None and moment is not None:
        raise invalid(field, FieldCode.ONE_OF_TWO)
    return RequestedDeadline(day, moment)


class AssignBody(Body):
    title: Title
    lead_agency: AgencyCode
    description: Maybe[LongText] = None
    product: Maybe[LongText] = None
    field: Maybe[FieldOfWork] = None
    priority: Priority = Priority.NORMAL
    document: DocumentBody | None = None
    authority: Maybe[Authority] = None
    assigner: Maybe[Username] = None
    coordinating_agencies: Agencies = Field(default_factory=list)
    monitor: Maybe[AgencyCode] = None
    deadline: Maybe[DayField] = None
    due_at: Maybe[MomentField] = None
    deadline_text: Maybe[Title] = None
    replaces: Maybe[Identifier] = None

    def to_command(self) -> Assign:
        return Assign(
            title=self.title,
            lead_agency=self.lead_agency,
            description=self.description,
            product=self.product,
            field=self.field,
            priority=self.priority,
            document=self.document.to_document() if self.document else None,
            authority=self.authority,
            assigner=self.assigner,
            coordinating_agencies=tuple(self.coordinating_agencies),
            monitor=self.monitor,
            term=_one_term(self.deadline, self.due_at, "due_at"),
            deadline_text=self.deadline_text,
            replaces=self.replaces,
        )


class ItemBody(Body):
    title: Title
    lead_agencies: Annotated[Agencies, Field(min_length=1)]
    description: Maybe[LongText] = None
    product: Maybe[LongText] = None
    field: Maybe[FieldOfWork] = None
    priority: Priority = Priority.NORMAL
    coordinating_agencies: Agencies = Field(default_factory=list)
    monitor: Maybe[AgencyCode] = None
    deadline: Maybe[DayField] = None
    due_at: Maybe[MomentField] = None
    deadline_text: Maybe[Title] = None

    def to_command(self, batch: BatchBody, position: int) -> Assign:
        path = f"items.{position}."
        return Assign(
            title=self.title,
            lead_agency=self.lead_agencies[0],
            description=self.description,
            product=self.product,
            field=self.field,
            priority=self.priority,
            document=batch.document.to_document() if batch.document else None,
            authority=batch.authority,
            assigner=batch.assigner,
            coordinating_agencies=tuple(self.coordinating_agencies),
            monitor=self.monitor,
            term=_one_term(self.deadline, self.due_at, f"{path}due_at"),
            deadline_text=self.deadline_text,
            path=path,
            lead_field="lead_agencies",
        )


def _refuse_too_many(items: Any) -> Any:
    """Count the tasks before any is judged: what is no list of agencies is left for the judgement to refuse."""
    if isinstance(items, list) and sum(map(_tasks_of, items)) > MOST_TASKS:
        raise PydanticCustomError(FieldCode.TOO_MANY_TASKS, "too many tasks")
    return items


def _tasks_of(item: Any) -> int:
    agencies = item.get("lead_agencies") if isinstance(item, dict) else None
    return len(agencies) if isinstance(agencies, list) else 0


class BatchBody(Body):
    document: DocumentBody | None = None
    authority: Maybe[Authority] = None
    assigner: Maybe[Username] = None
    items: Annotated[
        list[ItemBody],
        Field(min_length=1, max_length=MOST_TASKS),
        FailFast(),
        BeforeValidator(_refuse_too_many),
        counted_first(MOST_TASKS),
    ]
    """A list, because Pydantic calls a tuple too short as well when its only item is wrong."""

    def to_commands(self) -> list[tuple[Assign, Sequence[str]]]:
        return [(item.to_command(self, at), item.lead_agencies) for at, item in enumerate(self.items)]

    def meaning(self) -> dict[str, Any]:
        """Return what was asked for, equal for bodies that mean the same; of each item a digest."""
        return {
            **self.model_dump(mode="json", exclude={"items"}),
            "items": [fingerprint("", item) for item in self.items],
        }


class ReceiptBody(ActBody):
    note: Maybe[Note] = None

    def to_command(self) -> receipt.Receive:
        return receipt.Receive(self.note)


class RefusalBody(ActBody):
    reason: LongText

    def to_command(self) -> receipt.Refuse:
        return receipt.Refuse(self.reason)


class ReassignmentBody(ActBody):
    lead_agency: AgencyCode
    reason: LongText

    def to_command(self) -> handover.Reassign:
        return handover.Reassign(self.lead_agency, self.reason)


class CorrectionBody(ActBody):
    """Only the particulars named are set anew; `null` clears one that a task may lack."""

    reason: LongText
    title: Title = ""
    description: Maybe[LongText] = None
    product: Maybe[LongText] = None
    field: Maybe[FieldOfWork] = None
    priority: Priority = Priority.NORMAL
    document: DocumentBody | None = None
    coordinating_agencies: Agencies = Field(default_factory=list)
    monitor: Maybe[AgencyCode] = None

    _blank_is_no_change: ClassVar = ("description", "product", "field", "monitor")

    @model_validator(mode="before")
    @classmethod
    def _leave_blanks_out(cls, data: Any) -> Any:
        """Take an empty optional text as absent: it changes nothing."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if key not in cls._blank_is_no_change or not is_blank(value)}

    def to_command(self) -> handover.Correct:
        named = self.model_fields_set - {"reason"}
        if not named:
            raise invalid("title", FieldCode.NOTHING_TO_CHANGE)
        changes = {name: getattr(self, name) for name in named}
        if self.document is not None:
            changes["document"] = self.document.to_document()
        return handover.Correct(self.reason, changes)

    def meaning(self) -> dict[str, Any]:
        """Leave out what was left out: that changes nothing, and null, or the usual priority, may change much."""
        return {name: value for name, value in super().meaning().items() if name in self.model_fields_set}


class DeadlineBody(ActBody):
    deadline: Maybe[DayField] = None
    due_at: Maybe[MomentField] = None
    reason: LongText

    def to_command(self) -> extension.SetDeadline:
        if self.deadline is None and self.due_at is None:
            raise invalid("deadline", FieldCode.MISSING)
        return extension.SetDeadline(_one_term(self.deadline, self.due_at, "due_at"), self.reason)


class DelegationBody(ActBody):
    officer: Username
    instruction: LongText

    def to_command(self) -> work.Delegate:
        return work.Delegate(self.officer, self.instruction)


class ProgressBody(ActBody):
    percent: Percent
    note: Maybe[Note] = None

    def to_command(self) -> work.MakeProgress:
        return work.MakeProgress(self.percent, self.note)


class ContributionBody(ActBody):
    note: Note

    def to_command(self) -> work.Contribute:
        return work.Contribute(self.note)


class ExtensionBody(ActBody):
    new_deadline: Maybe[DayField] = None
    new_due_at: Maybe[MomentField] = None
    reason: LongText

    def to_command(self) -> extension.AskExtension:
        if self.new_deadline is None and self.new_due_at is None:
            raise invalid("new_deadline", FieldCode.MISSING)
        return extension.AskExtension(_one_term(self.new_deadline, self.new_due_at, "new_due_at"), self.reason)


class ExtensionDecisionBody(ActBody):
    approved: StrictBool
    reason: Maybe[LongText] = None
    new_deadline: Maybe[DayField] = None
    new_due_at: Maybe[MomentField] = None

    def to_command(self) -> extension.DecideExtension:
        _needed_unless(self.approved, self.reason)
        term = _one_term(self.new_deadline, self.new_due_at, "new_due_at")
        given = term != RequestedDeadline()
        if given and not self.approved:
            raise invalid("new_deadline" if self.new_deadline else "new_due_at", FieldCode.NOT_ALLOWED)
        return extension.DecideExtension(self.approved, self.reason, term if given else None)


def _needed_unless(favourable: bool, reason: str | None) -> None:  # noqa: FBT001 - the decision itself
    if not favourable and reason is None:
        raise invalid("reason", FieldCode.MISSING)


class ReportBody(ActBody):
    summary: LongText
    finished_on: Maybe[DayField] = None
    document: ReportDocumentBody | None = None

    def to_command(self) -> report.SubmitReport:
        document = self.document.to_document() if self.document else None
        return report.SubmitReport(self.summary, _written(self.finished_on), document)


class ReportDecisionBody(ActBody):
    accepted: StrictBool
    reason: Maybe[LongText] = None

    def to_command(self) -> report.DecideReport:
        _needed_unless(self.accepted, self.reason)
        return report.DecideReport(self.accepted, self.reason)


class ExplanationBody(ActBody):
    cause: Cause
    narrative: LongText
    remedy: LongText
    expected_finish: Maybe[DayField] = None
    document: ReportDocumentBody | None = None

    def to_command(self) -> explanation.Explain:
        document = self.document.to_document() if self.document else None
        return explanation.Explain(self.cause, self.narrative, self.remedy, _written(self.expected_finish), document)


class ExplanationDecisionBody(ActBody):
    accepted: StrictBool
    reason: Maybe[LongText] = None
    directive: Maybe[LongText] = None

    def to_command(self) -> explanation.DecideExplanation:
        _needed_unless(self.accepted, self.reason)
        return explanation.DecideExplanation(self.accepted, self.reason, self.directive)


class RecallBody(ActBody):
    reason: LongText

    def to_command(self) -> handover.Recall:
        return handover.Recall(self.reason)


class UrgingBody(ActBody):
    message: Note

    def to_command(self) -> work.Urge:
        return work.Urge(self.message)
