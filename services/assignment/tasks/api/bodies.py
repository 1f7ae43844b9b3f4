"""The bodies of requests about tasks, each validated by itself; `to_command` returns what it asks for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.assigning import Assign
from services.assignment.tasks.rules.batch import MOST_TASKS
from services.assignment.tasks.rules.context import Command
from services.assignment.tasks.rules.due import NO_DEADLINE, RequestedDeadline
from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.reason import require_reason
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
    is_blank,
    require_at_most,
)

_MOST_AGENCIES: Final = 200
Agencies = Annotated[list[AgencyCode], Field(max_length=_MOST_AGENCIES), FailFast(), require_at_most(_MOST_AGENCIES)]
"""Only the first wrong item is reported: 5,000 tasks may name a million agencies, and reporting each took ten seconds.

It is a list, because Pydantic counts a tuple only after it has validated every item: 1 MB of them took four seconds.
"""


class DocumentBody(Body):
    number: DocumentNumber
    issued_on: Maybe[DayField] = None
    summary: Maybe[LongText] = None

    def to_document(self) -> Document:
        return Document(number=self.number, issued_on=_iso(self.issued_on), summary=self.summary)


class ReportDocumentBody(Body):
    number: DocumentNumber
    issued_on: Maybe[DayField] = None

    def to_document(self) -> Document:
        return Document(number=self.number, issued_on=_iso(self.issued_on))


class ActBody(Body):
    """The body of an act."""

    @abstractmethod
    def to_command(self) -> Command: ...

    def meaning(self) -> dict[str, Any]:
        """Return what was asked for: equal for bodies that mean the same, also after optional fields were added."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _requested(day: date | None, moment: datetime | None, moment_field: str) -> RequestedDeadline:
    """Return the deadline that two fields give, of which at most one may be set."""
    if day is not None and moment is not None:
        raise invalid(moment_field, FieldCode.ONE_OF_TWO)
    return RequestedDeadline(day, moment)


class ParticularsBody(Body):
    """The particulars that a task, an item of a batch and a correction share; `rules/particulars.py` defines them."""

    title: Title
    description: Maybe[LongText] = None
    product: Maybe[LongText] = None
    field: Maybe[FieldOfWork] = None
    priority: Priority = Priority.NORMAL
    coordinating_agencies: Agencies = Field(default_factory=list)
    monitor: Maybe[AgencyCode] = None

    def particulars(self) -> dict[str, Any]:
        """Return the shared particulars as a command takes them."""
        values = {name: getattr(self, name) for name in ParticularsBody.model_fields}
        return {**values, "coordinating_agencies": tuple(self.coordinating_agencies)}


class AssignBody(ParticularsBody):
    lead_agency: AgencyCode
    document: DocumentBody | None = None
    authority: Maybe[Authority] = None
    assigner: Maybe[Username] = None
    deadline: Maybe[DayField] = None
    due_at: Maybe[MomentField] = None
    deadline_text: Maybe[Title] = None
    replaces: Maybe[Identifier] = None

    def to_command(self) -> Assign:
        return Assign(
            **self.particulars(),
            lead_agency=self.lead_agency,
            document=self.document.to_document() if self.document else None,
            authority=self.authority,
            assigner=self.assigner,
            deadline=_requested(self.deadline, self.due_at, "due_at"),
            deadline_text=self.deadline_text,
            replaces=self.replaces,
        )


class ItemBody(ParticularsBody):
    lead_agencies: Annotated[Agencies, Field(min_length=1)]
    deadline: Maybe[DayField] = None
    due_at: Maybe[MomentField] = None
    deadline_text: Maybe[Title] = None

    def to_command(self, batch: BatchBody, position: int) -> Assign:
        path = f"items.{position}."
        return Assign(
            **self.particulars(),
            lead_agency=self.lead_agencies[0],
            document=batch.document.to_document() if batch.document else None,
            authority=batch.authority,
            assigner=batch.assigner,
            deadline=_requested(self.deadline, self.due_at, f"{path}due_at"),
            deadline_text=self.deadline_text,
            path=path,
            lead_field="lead_agencies",
        )


def _require_few_tasks(items: Any) -> Any:
    """Count the tasks before any is validated; a value of another type counts as none, and fails validation later."""
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
        BeforeValidator(_require_few_tasks),
        require_at_most(MOST_TASKS),
    ]
    """It is a list, because Pydantic also reports a tuple as too short when its only item is wrong."""

    def to_commands(self) -> list[tuple[Assign, Sequence[str]]]:
        return [(item.to_command(self, position), item.lead_agencies) for position, item in enumerate(self.items)]

    def meaning(self) -> dict[str, Any]:
        """Return what was asked for, as `ActBody.meaning` does; of each item a digest."""
        return {
            **self.model_dump(mode="json", exclude={"items"}, exclude_defaults=True),
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


class CorrectionBody(ParticularsBody, ActBody):
    """Only the particulars that are named change; `null` clears one that a task may lack."""

    reason: LongText
    title: Title = ""
    document: DocumentBody | None = None

    @model_validator(mode="before")
    @classmethod
    def _leave_blanks_out(cls, data: Any) -> Any:
        """Take an empty optional text as absent: it changes nothing."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if not (cls._may_be_absent(name) and is_blank(value))}

    @classmethod
    def _may_be_absent(cls, name: str) -> bool:
        return name != "document" and name in cls.model_fields and cls.model_fields[name].default is None

    def to_command(self) -> handover.Correct:
        named = self.model_fields_set - {"reason"}
        if not named:
            raise invalid("title", FieldCode.NOTHING_TO_CHANGE)
        values = {**self.particulars(), "document": self.document.to_document() if self.document else None}
        return handover.Correct(self.reason, {name: values[name] for name in named})

    def meaning(self) -> dict[str, Any]:
        """Return what was named: a particular set to null, or to its default, is a change too."""
        named, without_defaults = self.model_dump(mode="json"), super().meaning()
        return {name: without_defaults.get(name, named[name]) for name in self.model_fields_set}


class DeadlineBody(ActBody):
    deadline: Maybe[DayField] = None
    due_at: Maybe[MomentField] = None
    reason: LongText

    def to_command(self) -> extension.SetDeadline:
        if self.deadline is None and self.due_at is None:
            raise invalid("deadline", FieldCode.MISSING)
        return extension.SetDeadline(_requested(self.deadline, self.due_at, "due_at"), self.reason)


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
        return extension.AskExtension(_requested(self.new_deadline, self.new_due_at, "new_due_at"), self.reason)


class ExtensionDecisionBody(ActBody):
    approved: StrictBool
    reason: Maybe[LongText] = None
    new_deadline: Maybe[DayField] = None
    new_due_at: Maybe[MomentField] = None

    def to_command(self) -> extension.DecideExtension:
        if not self.approved:
            require_reason(self.reason)
        deadline = _requested(self.new_deadline, self.new_due_at, "new_due_at")
        given = deadline != NO_DEADLINE
        if given and not self.approved:
            raise invalid("new_deadline" if self.new_deadline else "new_due_at", FieldCode.NOT_ALLOWED)
        return extension.DecideExtension(self.approved, self.reason, deadline if given else None)


class ReportBody(ActBody):
    summary: LongText
    finished_on: Maybe[DayField] = None
    document: ReportDocumentBody | None = None

    def to_command(self) -> report.SubmitReport:
        document = self.document.to_document() if self.document else None
        return report.SubmitReport(self.summary, _iso(self.finished_on), document)


class ReportDecisionBody(ActBody):
    accepted: StrictBool
    reason: Maybe[LongText] = None

    def to_command(self) -> report.DecideReport:
        if not self.accepted:
            require_reason(self.reason)
        return report.DecideReport(self.accepted, self.reason)


class ExplanationBody(ActBody):
    cause: Cause
    narrative: LongText
    remedy: LongText
    expected_finish: Maybe[DayField] = None
    document: ReportDocumentBody | None = None

    def to_command(self) -> explanation.Explain:
        document = self.document.to_document() if self.document else None
        return explanation.Explain(self.cause, self.narrative, self.remedy, _iso(self.expected_finish), document)


class ExplanationDecisionBody(ActBody):
    accepted: StrictBool
    reason: Maybe[LongText] = None
    directive: Maybe[LongText] = None

    def to_command(self) -> explanation.DecideExplanation:
        if not self.accepted:
            require_reason(self.reason)
        return explanation.DecideExplanation(self.accepted, self.reason, self.directive)


class RecallBody(ActBody):
    reason: LongText

    def to_command(self) -> handover.Recall:
        return handover.Recall(self.reason)


class UrgingBody(ActBody):
    message: Note

    def to_command(self) -> work.Urge:
        return work.Urge(self.message)


BODIES: Final[Mapping[str, type[ActBody]]] = MappingProxyType(
    {
        "receipt": ReceiptBody,
        "refusal": RefusalBody,
        "reassignment": ReassignmentBody,
        "correction": CorrectionBody,
        "deadline": DeadlineBody,
        "delegation": DelegationBody,
        "progress": ProgressBody,
        "contribution": ContributionBody,
        "extension": ExtensionBody,
        "extension/decision": ExtensionDecisionBody,
        "report": ReportBody,
        "report/decision": ReportDecisionBody,
        "explanation": ExplanationBody,
        "explanation/decision": ExplanationDecisionBody,
        "recall": RecallBody,
        "urging": UrgingBody,
    }
)
"""The body of each act of the act table."""
