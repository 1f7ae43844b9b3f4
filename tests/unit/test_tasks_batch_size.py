"""What a batch will write is known, nearly, before anything is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

import bson
import pytest

from services.assignment.tasks.rules.assigning import Assign
from services.assignment.tasks.rules.batch import Batch, decide_batch
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.limits import BATCH_MEGABYTES, require_few_bytes
from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.store.batches import _chunks, _to_record, bytes_written
from services.assignment.tasks.store.tasks import new_record
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.refusal import Refusal
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar
from tests.support.clock import MONDAY, local

_CODES: Final = [f"co-quan-{at:03}" for at in range(300)]
_LONG_CODES: Final = [f"{code:x<50}" for code in _CODES]
_TEXT: Final = "Rà soát, hoàn thiện phương án sắp xếp đơn vị. "
_BARE: Final = Assign(title="Việc", lead_agency=_CODES[0])
SHAPES: Final = {
    "bare": _BARE,
    "usual": replace(
        _BARE,
        title=_TEXT,
        description=_TEXT * 8,
        product=_TEXT,
        field="Tài chính",
        document=Document(number="15/NQ-CP", issued_on="2026-10-01", summary=_TEXT * 3),
        deadline=RequestedDeadline(date(2026, 10, 16)),
        coordinating_agencies=tuple(_CODES[200:203]),
        monitor=_CODES[299],
    ),
    "long": replace(
        _BARE,
        title="ế" * 1_000,
        description="ế" * 10_000,
        product="ế" * 10_000,
        document=Document(number="15/NQ-CP", summary="ế" * 10_000),
    ),
    "line breaks": replace(_BARE, description="a\n" * 5_000, product="a\n" * 5_000),
    "quotation marks": replace(_BARE, description='"' * 10_000),
    "many agencies": replace(_BARE, coordinating_agencies=tuple(_CODES[100:300])),
    "many agencies with long codes": replace(_BARE, coordinating_agencies=tuple(_LONG_CODES[100:300])),
}


def batch_of(*shapes: Assign, leads: int = 2) -> Batch:
    context = Context(
        now=local(MONDAY),
        calendar=WorkCalendar(Policy()),
        policy=Policy(),
        caller=Principal("leader", Role.LEADER),
        agencies={*_CODES, *_LONG_CODES},
    )
    items = [(replace(shape, path=f"items.{at}."), _CODES[:leads]) for at, shape in enumerate(shapes)]
    return decide_batch(str(UUID(int=7)), items, context)


def really_written(batch: Batch) -> int:
    records = [new_record(task, entry, None) for task, entry in batch.tasks()]
    return sum(len(bson.encode(record)) for record in [*records, _to_record(batch)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("leads", [1, 20])
def test_no_less_is_expected_than_is_written_and_little_more(shape: str, leads: int) -> None:
    batch = batch_of(SHAPES[shape], leads=leads)
    assert (
        0.93 <= bytes_written(batch) / really_written(batch) <= (1.6 if "marks" in shape or "breaks" in shape else 1.15)
    )


def test_a_batch_is_refused_beyond_its_limit_and_not_before() -> None:
    most = BATCH_MEGABYTES * 1_000_000
    require_few_bytes(most)
    with pytest.raises(Refusal) as caught:
        require_few_bytes(most + 1)
    assert (caught.value.code, [one.field for one in caught.value.violations]) == ("too-large", ["items"])


def test_chunks_are_bounded_by_number_and_by_bytes_and_leave_nothing_out() -> None:
    light, heavy = batch_of(SHAPES["bare"], SHAPES["bare"], leads=150), batch_of(*[SHAPES["long"]] * 3, leads=10)
    assert [len(chunk) for chunk in _chunks(light, lambda: local(MONDAY))] == [200, 100]
    for batch in (light, heavy):
        ids = [task.id for chunk in _chunks(batch, lambda: local(MONDAY)) for task, _ in chunk]
        assert ids == [planned.id for planned in batch.planned_tasks()]
    for chunk in _chunks(heavy, lambda: local(MONDAY)):
        written = sum(len(bson.encode(new_record(task, entry, None))) for task, entry in chunk)
        assert written < 2_200_000
