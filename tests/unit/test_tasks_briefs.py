"""The JSON of the list is, to the byte, what the documented model writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.assignment.tasks.briefs import page_json
from services.assignment.tasks.rules.state import Task, Wait
from services.assignment.tasks.store import to_fields
from services.assignment.tasks.views import Beholder, TaskBriefView
from shared.events.task import TaskBrief
from shared.mongo import Record
from shared.office.policy import Policy
from shared.office.timeliness import horizon, timeliness, working_days_left
from shared.office.vocabulary import WaitKind
from shared.office.workdays import WorkCalendar
from shared.web.pages import Page
from tests.bench.tasks import a_task

NOW: Final = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
CALENDAR: Final = WorkCalendar(Policy())
BEHOLDER: Final = Beholder("head:stc", horizon(NOW, CALENDAR, Policy()), CALENDAR)
WITH_ZONE: Final[CodecOptions[Record]] = CodecOptions(tz_aware=True, tzinfo=UTC)
WITHOUT_ZONE: Final[CodecOptions[Record]] = CodecOptions(tz_aware=False)
NEAR: Final = st.timedeltas(timedelta(days=-20), timedelta(days=20)).map(lambda distance: NOW + distance)


def _values(kind: Any) -> st.SearchStrategy[Any]:
    """Return any values of a kind that MongoDB can keep."""
    if kind is int:
        return st.integers(-(1 << 63), (1 << 63) - 1)
    if kind is datetime:
        return st.just(NOW) | NEAR | st.datetimes(timezones=st.just(UTC))
    if get_origin(kind) is tuple:
        return st.lists(_values(get_args(kind)[0]), max_size=3).map(tuple)
    if isinstance(kind, UnionType):
        return st.one_of([_values(member) for member in get_args(kind)])
    if isinstance(kind, type) and is_dataclass(kind):
        return st.builds(kind, **{name: _values(member) for name, member in get_type_hints(kind).items()})
    return st.from_type(kind)


_KEYS: Final = st.sampled_from((BEHOLDER.key, "head:sxd", "coordinator"))
_WAITS: Final = st.lists(st.builds(Wait, _KEYS, st.sampled_from(WaitKind), NEAR), max_size=4).map(tuple)
_DUE: Final = st.none() | NEAR | st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TASKS: Final = st.builds(
    lambda task, due_at, waits: replace(task, due_at=due_at, waits=waits, tally=()), _values(Task), _DUE, _WAITS
)


@given(st.lists(TASKS, max_size=3), st.none() | st.text())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_page_is_written_as_its_model_writes_it(tasks: Sequence[Task], text: str | None) -> None:
    stored = [bson.encode({"_id": task.id, **to_fields(task)}) for task in tasks]
    replaced_by = {task.id: text for task in tasks[:1] if text is not None}
    found = [bson.decode(one, WITHOUT_ZONE) for one in stored]
    views = [_view(bson.decode(one, WITH_ZONE), replaced_by) for one in stored]
    assert page_json(found, BEHOLDER, replaced_by, text).decode() == _as_model(views, text)


OPTIONAL: Final = {name for name, field in TaskBrief.model_fields.items() if not field.is_required()} - {"due_at"}


@pytest.mark.parametrize("name", sorted({*OPTIONAL, "document.issued_on", "report.returns", "waits"}))
def test_a_member_that_a_record_has_not_is_written_as_the_model_has_it(name: str) -> None:
    record = {"_id": "a", **to_fields(a_task().task)}
    outer, _, inner = name.rpartition(".")
    del (record[outer] if outer else record)[inner]
    written = page_json([bson.decode(bson.encode(record), WITHOUT_ZONE)], BEHOLDER, {}, None)
    assert written.decode() == _as_model([_view(bson.decode(bson.encode(record), WITH_ZONE), {})], None)


def test_a_record_without_what_every_task_has_is_not_written() -> None:
    record = {"_id": "a", **to_fields(a_task().task)}
    del record["title"]
    with pytest.raises(TypeError):
        page_json([record], BEHOLDER, {}, None)


def _view(record: Record, replaced_by: Mapping[str, str]) -> TaskBriefView:
    task = TaskBriefView.model_validate({**record, "id": record["_id"], "timeliness": "on_track"})
    value = timeliness(task.stage, task.due_at, task.current_submission, BEHOLDER.at)
    mine = [wait for wait in record.get("waits", []) if wait["key"] == BEHOLDER.key]
    return task.model_copy(
        update={
            "timeliness": value,
            "working_days_left": working_days_left(value, task.due_at, NOW, CALENDAR),
            "waiting_for": tuple(WaitKind(wait["kind"]) for wait in mine),
            "waiting_since": min((wait["since"] for wait in mine), default=None),
            "replaced_by": replaced_by.get(task.id),
        }
    )


def _as_model(views: list[TaskBriefView], next_cursor: str | None) -> str:
    return Page[TaskBriefView](items=views, next_cursor=next_cursor).model_dump_json()
