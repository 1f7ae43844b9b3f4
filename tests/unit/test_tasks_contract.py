"""The aggregate's state and the contract of its events have the same members, but for what no event carries."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from services.assignment.tasks.api.bodies import BODIES
from services.assignment.tasks.rules import state
from services.assignment.tasks.rules.act_table import ACT_TABLE, EVOLUTIONS
from services.assignment.tasks.rules.task import replay
from services.assignment.tasks.store.records import from_entry, to_entry
from shared.events import names, task
from shared.office import labels
from shared.office.vocabulary import DueKind, Priority, Role

_AT = datetime(2026, 12, 1, 16, 59, 59, 999_000, tzinfo=UTC)
_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_ABSENT = ("description", "product", "document", "field", "authority", "monitor", "deadline_text", "replaces", "batch")
_GIVEN: dict[str, Any] = {
    **dict.fromkeys((*_ABSENT, "deadline", "due_at")),
    "title": "Nhiệm vụ",
    "priority": Priority.NORMAL,
    "assigner": "chutich",
    "lead_agency": "STC",
    "coordinating_agencies": [],
    "due_kind": DueKind.NONE,
    "receipt_due_at": _AT,
}


def _entry(sequence: int, act: str, **details: Any) -> state.HistoryEntry:
    return state.HistoryEntry(sequence=sequence, at=_AT, act=act, by="chutich", role=Role.LEADER, details=details)


_KEPT_HERE = {
    "Task": {"officer_left", "waits", "tally"},
    "ExtensionRequest": {"new_due_kind"},
    "Explanation": {"refusals"},
}


@pytest.mark.parametrize(
    "name", ["Task", "Document", "Progress", "ExtensionRequest", "Extension", "Report", "Explanation"]
)
def test_state_and_contract_have_the_same_members(name: str) -> None:
    ours: Any = getattr(state, name)
    members = {field.name for field in dataclasses.fields(ours)} - _KEPT_HERE.get(name, set())
    assert members == set(getattr(task, name).model_fields)


def test_every_recorded_act_has_an_event_and_an_evolution() -> None:
    withdrawn = {"explanation_withdrawn"}  # comes with changes of the calendar
    assert set(names.TASK_FACTS) - withdrawn == {"assigned", *EVOLUTIONS}


def test_the_act_table_has_the_sixteen_acts() -> None:
    assert len(ACT_TABLE) == 16


@pytest.mark.parametrize("act", ACT_TABLE)
def test_every_act_has_a_body_a_label_and_facts_with_labels(act: str) -> None:
    assert act in BODIES
    assert act in labels.ACTS
    assert ACT_TABLE[act].evolutions.keys() <= labels.FACTS.keys()


@pytest.mark.parametrize("act", sorted({*BODIES, *labels.ACTS}))
def test_nothing_is_said_of_an_act_that_is_not_in_the_table(act: str) -> None:
    assert act in ACT_TABLE


def test_entries_read_back_from_storage_replay_to_the_same_task() -> None:
    """BSON keeps an enum as its text: an entry read back must make the same task as the one that was decided."""
    entries = [
        _entry(1, "assigned", **_GIVEN),
        _entry(2, "corrected", reason="bổ sung", changes={"priority": Priority.EXPRESS}),
        _entry(3, "deadline_set", deadline="2026-12-01", due_kind=DueKind.DATE, due_at=_AT, reason="ấn định"),
    ]
    stored = [to_entry(bson.decode(bson.encode(from_entry(entry)), _OPTIONS)) for entry in entries]
    task = replay("task", stored)
    assert task == replay("task", entries)
    assert (type(task.priority), type(task.due_kind)) == (Priority, DueKind)
