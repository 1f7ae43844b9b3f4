"""Dates that people write are judged by the office's own day; the receipt term never ends after the task is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assignment.tasks.api.bodies import BODIES, AssignBody, BatchBody
from services.assignment.tasks.rules.assigning import assigned
from services.assignment.tasks.rules.batch import decide_batch
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.state import Task
from services.assignment.tasks.rules.task import begin, decide, evolve
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.refusal import Refusal
from shared.office.vocabulary import Role
from shared.office.workdays import WorkCalendar

POLICY: Final = Policy()
CALENDAR: Final = WorkCalendar(POLICY)
ASSIGNED: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)  # 01:00 on Tuesday 3 March in Hà Nội
NOW: Final = datetime(2026, 3, 10, 17, 30, tzinfo=UTC)  # 00:30 on 11 March in Hà Nội, still the 10th in UTC
TODAY, TOMORROW, YESTERDAY = "2026-03-11", "2026-03-12", "2026-03-10"
LEADER, HEAD = Principal("leader", Role.LEADER), Principal("head", Role.HEAD, "A")
PAPER: Final = {"number": "1/QĐ"}
EXPLAINED: Final = {"cause": "workload", "narrative": "Nhiều việc", "remedy": "Thêm người"}


def context_of(caller: Principal, now: datetime = NOW) -> Context:
    return Context(now=now, calendar=CALENDAR, policy=POLICY, caller=caller, agencies=frozenset("ABC"))


def a_task(**fields: Any) -> Task:
    body = AssignBody.model_validate({"title": "Nhiệm vụ", "lead_agency": "A", "deadline": "2026-03-09", **fields})
    return assigned("task", begin(body.to_command(), None, context_of(LEADER, ASSIGNED)))


def did(task: Task, act: str, caller: Principal, body: dict[str, Any], now: datetime = NOW) -> Task:
    command = BODIES[act].model_validate(body).to_command()
    for entry in decide(task, act, command, context_of(caller, now)):
        task = evolve(task, entry)
    return task


def received() -> Task:
    return did(a_task(), "receipt", HEAD, {}, ASSIGNED)


@pytest.mark.parametrize(
    ("act", "caller", "body", "wrong"),
    [
        ("report", HEAD, {"summary": "Xong", "finished_on": TODAY}, None),
        ("report", HEAD, {"summary": "Xong", "finished_on": "2026-03-03"}, None),
        ("report", HEAD, {"summary": "Xong", "finished_on": TOMORROW}, ("finished_on", "too-late")),
        ("report", HEAD, {"summary": "Xong", "finished_on": "2099-01-01"}, ("finished_on", "too-late")),
        ("report", HEAD, {"summary": "Xong", "finished_on": "2026-03-02"}, ("finished_on", "too-early")),
        ("report", HEAD, {"summary": "Xong", "document": {**PAPER, "issued_on": TODAY}}, None),
        (
            "report",
            HEAD,
            {"summary": "Xong", "document": {**PAPER, "issued_on": TOMORROW}},
            ("document.issued_on", "too-late"),
        ),
        ("explanation", HEAD, {**EXPLAINED, "expected_finish": TODAY}, None),
        ("explanation", HEAD, {**EXPLAINED, "expected_finish": YESTERDAY}, ("expected_finish", "too-early")),
        (
            "explanation",
            HEAD,
            {**EXPLAINED, "document": {**PAPER, "issued_on": TOMORROW}},
            ("document.issued_on", "too-late"),
        ),
        ("correction", LEADER, {"reason": "Nhầm", "document": {**PAPER, "issued_on": TODAY}}, None),
        (
            "correction",
            LEADER,
            {"reason": "Nhầm", "document": {**PAPER, "issued_on": TOMORROW}},
            ("document.issued_on", "too-late"),
        ),
    ],
)
def test_a_date_of_what_was_is_not_to_come_and_one_to_come_is_not_past(
    act: str, caller: Principal, body: dict[str, Any], wrong: tuple[str, str] | None
) -> None:
    if wrong is None:
        assert did(received(), act, caller, body).version > 2
        return
    with pytest.raises(Refusal) as refused:
        did(received(), act, caller, body)
    assert [(one.field, one.code) for one in refused.value.violations] == [wrong]


@pytest.mark.parametrize("wrong", [False, True])
def test_tasks_and_batches_are_given_by_a_document_that_was_issued(wrong: bool) -> None:
    paper = {**PAPER, "issued_on": TOMORROW if wrong else TODAY}
    one = AssignBody.model_validate({"title": "Nhiệm vụ", "lead_agency": "A", "document": paper}).to_command()
    items = [{"title": "Nhiệm vụ", "lead_agencies": ["A", "B"]}]
    many = BatchBody.model_validate({"document": paper, "items": items}).to_commands()
    for give in (lambda: begin(one, None, context_of(LEADER)), lambda: decide_batch("b", many, context_of(LEADER))):
        if not wrong:
            give()
            continue
        with pytest.raises(Refusal) as refused:
            give()
        assert [(each.field, each.code) for each in refused.value.violations] == [("document.issued_on", "too-late")]


@given(hours=st.integers(1, 24 * 9), minutes=st.integers(0, 59), later=st.integers(1, 200))
def test_the_receipt_term_never_ends_after_the_due_moment(hours: int, minutes: int, later: int) -> None:
    due = ASSIGNED + timedelta(hours=hours, minutes=minutes)
    task = a_task(deadline=None, due_at=due.isoformat(), priority="express")
    term_ends = CALENDAR.term_ends(ASSIGNED, POLICY.receipt_term)
    assert task.receipt_due_at == min(due, term_ends)
    now = ASSIGNED + (due - ASSIGNED) * min(later / 200, 0.99)
    again = did(task, "reassignment", LEADER, {"lead_agency": "B", "reason": "Đúng"}, now)
    assert again.receipt_due_at == min(due, CALENDAR.term_ends(now, POLICY.receipt_term))


def test_without_a_deadline_the_receipt_term_is_that_of_the_policy() -> None:
    assert a_task(deadline=None).receipt_due_at == CALENDAR.term_ends(ASSIGNED, POLICY.receipt_term)


def test_the_order_of_agencies_is_no_change() -> None:
    task = a_task(coordinating_agencies=["B", "C"])
    with pytest.raises(Refusal, match="nothing-to-change"):
        did(task, "correction", LEADER, {"reason": "Nhầm", "coordinating_agencies": ["C", "B"]}, ASSIGNED)
