"""The aggregate's state and the contract of its events have the same members, but for what no event carries."""

import dataclasses
from typing import Any

import pytest

from services.assignment.tasks.rules import state
from services.assignment.tasks.rules.act_table import ACT_TABLE
from services.assignment.tasks.rules.task import _EVOLUTIONS
from shared.events import names, task

_KEPT_HERE = {
    "Task": {"progressions"},
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
    assert set(names.TASK_ACTS) - withdrawn == {"assigned", *_EVOLUTIONS}


def test_the_act_table_has_the_sixteen_acts() -> None:
    assert len(ACT_TABLE) == 16
