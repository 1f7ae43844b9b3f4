"""A particular of a task is defined once; each test names the place where a new one was forgotten."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

import bson
import pytest
from bson.codec_options import CodecOptions

from services.assignment.tasks.api.bodies import AssignBody, BatchBody, CorrectionBody, ParticularsBody
from services.assignment.tasks.rules.assigning import assigned
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.handover import correct, corrected
from services.assignment.tasks.rules.particulars import Document, Particulars
from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.task import begin
from services.assignment.tasks.store.records import event_of, from_entry, to_entry
from shared.events import task as wire
from shared.office.access import Principal
from shared.office.labels import TASK_FIELDS
from shared.office.policy import Policy
from shared.office.vocabulary import Priority, Role
from shared.office.workdays import WorkCalendar

PARTICULARS: Final = [field.name for field in fields(Particulars)]
OF_THE_BATCH: Final = {"document"}
"""An item of a batch has not these: the batch has them once for all of its items."""

# A value of each particular as a body has it, other than its default; a new particular needs a line here.
GIVEN: Final[dict[str, Any]] = {
    "title": "Rà soát quy hoạch",
    "description": "Theo chỉ đạo tại cuộc họp",
    "product": "Báo cáo",
    "document": {"number": "123/QĐ-UBND", "issued_on": "2026-11-24", "summary": "Giao nhiệm vụ"},
    "field": "Xây dựng",
    "priority": "express",
    "coordinating_agencies": ["SNV", "SYT"],
    "monitor": "TTR",
}
EXPECTED: Final[dict[str, Any]] = {
    **GIVEN,
    "document": Document(number="123/QĐ-UBND", issued_on="2026-11-24", summary="Giao nhiệm vụ"),
    "priority": Priority.EXPRESS,
    "coordinating_agencies": ("SNV", "SYT"),
}
CONTEXT: Final = Context(
    now=datetime(2026, 12, 1, 2, tzinfo=UTC),
    calendar=WorkCalendar(Policy()),
    policy=Policy(),
    caller=Principal("chutich", Role.LEADER),
    agencies={"STC", "SNV", "SYT", "TTR"},
)
_BSON: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def stored(entry: HistoryEntry) -> HistoryEntry:
    """Return an entry as it comes back from MongoDB."""
    return to_entry(bson.decode(bson.encode(from_entry(entry)), _BSON))


def plain_task() -> Task:
    return assigned("t-1", begin(AssignBody(title="Nhiệm vụ", lead_agency="STC").to_command(), None, CONTEXT))


def given_task() -> Task:
    command = AssignBody.model_validate({**GIVEN, "lead_agency": "STC"}).to_command()
    return assigned("t-1", stored(begin(command, None, CONTEXT)))


def test_the_tables_of_this_test_have_every_particular() -> None:
    assert list(GIVEN) == PARTICULARS
    assert all(EXPECTED[name] != getattr(plain_task(), name) for name in PARTICULARS)


@pytest.mark.parametrize("name", PARTICULARS)
def test_every_body_takes_a_particular(name: str) -> None:
    assert name in AssignBody.model_fields
    assert name in CorrectionBody.model_fields
    assert name in (BatchBody if name in OF_THE_BATCH else ParticularsBody).model_fields


@pytest.mark.parametrize("name", PARTICULARS)
def test_a_particular_outlives_storage(name: str) -> None:
    kept = getattr(given_task(), name)
    assert kept == EXPECTED[name]
    assert type(kept) is type(EXPECTED[name])


@pytest.mark.parametrize("name", PARTICULARS)
def test_a_particular_can_be_corrected(name: str) -> None:
    command = CorrectionBody.model_validate({"reason": "bổ sung", name: GIVEN[name]}).to_command()
    task = plain_task()
    fact = correct(task, command, CONTEXT)
    entry = HistoryEntry(sequence=2, at=CONTEXT.now, act=fact.name, by="chutich", details=fact.details)
    assert getattr(corrected(task, stored(entry)), name) == EXPECTED[name]


@pytest.mark.parametrize("name", PARTICULARS)
def test_events_carry_a_particular(name: str) -> None:
    entry = HistoryEntry(sequence=1, at=CONTEXT.now, act="assigned", by="chutich")
    sent: wire.Task = event_of(given_task(), entry).data.task
    assert name in wire.Task.model_fields
    assert sent.model_dump(mode="json")[name] == GIVEN[name]


@pytest.mark.parametrize("name", PARTICULARS)
def test_a_particular_has_a_name_in_vietnamese(name: str) -> None:
    assert TASK_FIELDS[name].vi


@pytest.mark.parametrize("body", [{"number": "1/QĐ"}, {"number": "1/QĐ", "issued_on": None, "summary": ""}])
def test_a_retried_correction_is_the_same_although_its_document_may_have_more_fields_by_then(
    body: dict[str, Any],
) -> None:
    correction = CorrectionBody.model_validate({"reason": "bổ sung", "document": body})
    assert correction.meaning() == {"reason": "bổ sung", "document": {"number": "1/QĐ"}}


NAMED: Final[list[dict[str, Any]]] = [
    {"monitor": None},
    {"priority": "normal"},
    {"coordinating_agencies": []},
    {"document": None},
]


@pytest.mark.parametrize("named", NAMED)
def test_a_correction_that_names_a_default_differs_from_one_that_leaves_it_out(named: dict[str, Any]) -> None:
    plain = {"reason": "bổ sung", "title": "Khác"}
    assert CorrectionBody.model_validate({**plain, **named}).meaning() == {**plain, **named}
