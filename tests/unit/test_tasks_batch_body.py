"""A batch that is wrong in very many places is refused at the first."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.assignment.tasks.api.bodies import AssignBody, BatchBody
from services.assignment.tasks.rules.batch import MOST_TASKS
from shared.web.input_errors import violations_of

ITEM = {"title": "Việc", "lead_agencies": ["lead"]}
WRONG = {
    "a wrong agency and a wrong name": (
        {"titel": "b", "lead_agencies": [5]},
        ["items.0.title", "items.0.lead_agencies.0", "items.0.titel"],
    ),
    "many wrong coordinating agencies": (
        {**ITEM, "coordinating_agencies": [None] * 200},
        ["items.0.coordinating_agencies.0"],
    ),
    "no item": (7, ["items.0"]),
    "an empty item": ({}, ["items.0.title", "items.0.lead_agencies"]),
    "unknown fields": ({**ITEM, "a": 1, "b": 2}, ["items.0.a", "items.0.b"]),
}


def faults_of(kind: type[AssignBody | BatchBody], body: dict[str, Any]) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(body)
    return caught.value


@pytest.mark.parametrize("name", WRONG)
def test_only_the_first_wrong_item_is_told(name: str) -> None:
    item, fields = WRONG[name]
    error = faults_of(BatchBody, {"items": [item] * MOST_TASKS})
    assert error.error_count() == len(fields)
    assert [
        violation.field
        for violation in violations_of([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()])
    ] == fields


def test_the_item_told_is_the_one_that_is_wrong() -> None:
    error = faults_of(BatchBody, {"items": [ITEM, ITEM, {**ITEM, "priority": "high"}, {}]})
    assert [fault["loc"] for fault in error.errors()] == [("items", 2, "priority")]


def test_only_the_first_wrong_agency_of_a_task_is_told() -> None:
    error = faults_of(AssignBody, {"title": "Việc", "lead_agency": "lead", "coordinating_agencies": ["a", *[5] * 190]})
    assert [fault["loc"] for fault in error.errors()] == [("coordinating_agencies", 1)]


def test_the_first_of_a_thousand_wrong_lead_agencies_is_told() -> None:
    error = faults_of(BatchBody, {"items": [{**ITEM, "lead_agencies": [5] * 200}]})
    assert [fault["loc"] for fault in error.errors()] == [("items", 0, "lead_agencies", 0)]


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ([{"titel": "b", "lead_agencies": [5] * 200}] * MOST_TASKS, "too-many-tasks"),
        ([{**ITEM, "lead_agencies": ["lead", "office"]}] * (MOST_TASKS // 2 + 1), "too-many-tasks"),
        ([ITEM] * (MOST_TASKS + 1), "too_long"),
        ([None] * (MOST_TASKS + 1), "too_long"),
    ],
)
def test_more_tasks_than_a_batch_holds_are_refused_before_any_is_judged(items: list[Any], kind: str) -> None:
    error = faults_of(BatchBody, {"items": items})
    assert [(fault["loc"], fault["type"]) for fault in error.errors()] == [(("items",), kind)]


def test_as_many_tasks_as_a_batch_holds_are_taken() -> None:
    assert len(BatchBody.model_validate({"items": [ITEM] * MOST_TASKS}).items) == MOST_TASKS
