"""Every act, in every stage, by everybody: what the API answers, and which stage the task is in afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pytest

from tests.support.assignment import BODIES, DEADLINE, EVERYBODY, TaskService, code_of
from tests.support.clock import MONDAY

HEAD: Final = frozenset({"lead-head", "lead-program"})
DESK: Final = HEAD | {"lead-clerk"}
DECIDERS: Final = frozenset({"leader", "coordinator"})
COORDINATING: Final = frozenset({"coordinating-head", "coordinating-clerk", "coordinating-program"})
WATCHERS: Final = frozenset({"monitor-head", "monitor-program"})
STAGES: Final = ("assigned", "received", "in_progress", "reported", "completed", "refused", "recalled")


@dataclass(frozen=True)
class Line:
    """Who may do an act, and which stage it leads to from each stage in which it may be done."""

    who: frozenset[str]
    leads_to: Mapping[str, str]


def same(*stages: str) -> dict[str, str]:
    return {stage: stage for stage in stages}


def to(result: str, *stages: str) -> dict[str, str]:
    return dict.fromkeys(stages, result)


# Written by hand from the rules of the office; the code's own table is not looked at.
LINES: Final[Mapping[str, Line]] = MappingProxyType(
    {
        "receipt": Line(DESK, to("received", "assigned")),
        "refusal": Line(HEAD, to("refused", "assigned", "received")),
        "reassignment": Line(DECIDERS, to("assigned", "assigned", "received", "in_progress", "refused")),
        "correction": Line(DECIDERS, same("assigned", "received", "in_progress", "reported", "refused")),
        "deadline": Line(DECIDERS, same("assigned", "received", "in_progress")),
        "delegation": Line(HEAD, to("in_progress", "received", "in_progress")),
        "progress": Line(HEAD | {"officer"}, to("in_progress", "received", "in_progress")),
        "contribution": Line(COORDINATING, same("received", "in_progress")),
        "extension": Line(HEAD, same("received", "in_progress")),
        "extension/decision": Line(DECIDERS, same("received", "in_progress", "reported")),
        "report": Line(HEAD, to("reported", "received", "in_progress")),
        "report/decision": Line(DECIDERS, to("completed", "reported")),
        # A refused task never owes an explanation: it is refused before its deadline, and misses nothing from then on.
        "explanation": Line(HEAD, same("assigned", "received", "in_progress", "reported", "completed")),
        "explanation/decision": Line(DECIDERS, same("assigned", "received", "in_progress", "reported", "completed")),
        "recall": Line(DECIDERS, to("recalled", "assigned", "received", "in_progress", "reported", "refused")),
        "urging": Line(DECIDERS | WATCHERS, same("assigned", "received", "in_progress")),
    }
)

SEES_NO_TASK: Final = frozenset({"administrator", "idle-officer", "stranger-head", "stranger-officer"})
HANDED_IN: Final = frozenset({"in_progress", "reported", "completed", "recalled"})
"""The stages of this test in which the task has been handed to `officer`."""


@pytest.fixture(scope="module")
def service(task_service: TaskService) -> TaskService:
    """The service for a whole module. Each test sets its clock."""
    return task_service


ON_THE_WAY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "assigned": (),
        "received": ("receipt",),
        "in_progress": ("receipt", "delegation"),
        "reported": ("receipt", "delegation", "report"),
        "completed": ("receipt", "delegation", "report", "report/decision"),
        "refused": ("refusal",),
        "recalled": ("receipt", "delegation", "recall"),
    }
)


async def task_in(service: TaskService, stage: str, act: str) -> str:
    """Bring a task into a stage, such that nothing but the stage stands in the way of the act."""
    service.clock.set(MONDAY)
    if act in {"explanation", "explanation/decision"}:
        return await _missed_task_in(service, stage, explained=act == "explanation/decision")
    task = await service.assigned(deadline=None if act == "deadline" else DEADLINE)
    if act == "extension/decision" and stage in {"received", "in_progress", "reported"}:
        return await _task_with_a_request(service, task, stage)
    await service.acts(task, *ON_THE_WAY[stage])
    return task


async def _task_with_a_request(service: TaskService, task: str, stage: str) -> str:
    """Let the request wait; a report that is to leave it waiting comes after the due moment."""
    await service.acts(task, *ON_THE_WAY["received" if stage == "received" else "in_progress"], "extension")
    if stage == "reported":
        service.clock.set("2026-10-17T09:00:00")
        await service.act(task, "report")
    return task


async def _missed_task_in(service: TaskService, stage: str, *, explained: bool) -> str:
    """Let the deadline pass in the stage; a completed task's explanation was submitted, or refused afterwards."""
    task = await service.assigned()
    late = {"reported": ("report",), "completed": ("report",), "recalled": ("recall",)}.get(stage, ())
    await service.acts(task, *(act for act in ON_THE_WAY[stage] if act not in {*late, "report/decision"}))
    service.clock.set("2026-10-17T09:00:00")
    if stage == "refused":
        return task
    if stage == "completed":
        await service.acts(task, "report", "explanation", "report/decision")
        if not explained:
            await service.act(task, "explanation/decision", body={"accepted": False, "reason": "Chưa rõ"})
        return task
    await service.acts(task, *(["report"] if stage == "reported" else []), *(["explanation"] if explained else []))
    await service.acts(task, *late if stage == "recalled" else ())
    return task


def expected(act: str, stage: str, by: str) -> tuple[int, str]:
    """Return what the act is answered with: 404 for who does not see the task, 403 for whose it is not, then 409."""
    line = LINES[act]
    if by in SEES_NO_TASK or (by == "officer" and stage not in HANDED_IN):
        return 404, "not-found"
    if by not in line.who:
        return 403, "not-permitted"
    if stage not in line.leads_to:
        return 409, "wrong-stage"
    return 200, line.leads_to[stage]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("act", LINES)
async def test_an_act_is_done_by_those_and_in_those_stages_that_the_table_names(
    service: TaskService, act: str, stage: str
) -> None:
    task = await task_in(service, stage, act)
    before = await service.stored_task(task)
    assert before["stage"] == stage
    answers = {by: expected(act, stage, by) for by in EVERYBODY}
    for by, (status, code) in answers.items():
        if status != 200:
            assert code_of(await service.try_act(task, act, by)) == (status, code), by
        if status == 409:
            assert act not in await allowed(service, task, by), by
    assert await service.stored_task(task) == before
    for by, (status, leads_to) in answers.items():
        if status == 200:
            await _is_done(service, await task_in(service, stage, act), act, by, leads_to)


async def _is_done(service: TaskService, task: str, act: str, by: str, leads_to: str) -> None:
    assert act in await allowed(service, task, by), by
    before = await service.read(task)
    after = await service.act(task, act, by)
    assert after["stage"] == leads_to, by
    last = [entry for entry in await service.history(task) if entry["by"] != "system"][-1]
    assert last["by"] == by
    assert last["acting_for"] == ("leader" if by == "coordinator" else None)
    assert after["version"] > before["version"]


async def allowed(service: TaskService, task: str, by: str) -> list[str]:
    """Return what the caller is told they may do now; nothing where they do not see the task."""
    answer = await service.get(f"/v1/tasks/{task}", by)
    return list(answer.json().get("allowed_acts", []))


@pytest.mark.parametrize("by", sorted(SEES_NO_TASK))
async def test_a_task_out_of_sight_is_not_there_for_reading_either(service: TaskService, by: str) -> None:
    task = await service.assigned()
    for path in (f"/v1/tasks/{task}", f"/v1/tasks/{task}/history"):
        assert code_of(await service.get(path, by)) == (404, "not-found")


async def test_the_act_table_names_every_act_of_the_api(service: TaskService) -> None:
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    acts = {path.removeprefix("/v1/tasks/{task_id}/") for path in paths if path.startswith("/v1/tasks/{task_id}/")}
    assert acts - {"history"} == set(LINES) == set(BODIES)


# What a caller may do to a task that waits in the middle of its life, whole lists, written by hand.
ALLOWED: Final[Mapping[tuple[str, str], list[str]]] = MappingProxyType(
    {
        ("assigned", "leader"): ["reassignment", "correction", "recall", "urging"],
        ("assigned", "lead-head"): ["receipt", "refusal"],
        ("assigned", "lead-clerk"): ["receipt"],
        ("assigned", "coordinating-head"): [],
        ("assigned", "monitor-head"): ["urging"],
        ("received", "lead-head"): ["refusal", "delegation", "progress", "extension", "report"],
        ("received", "lead-clerk"): [],
        ("received", "coordinating-clerk"): ["contribution"],
        ("in_progress", "coordinator"): ["reassignment", "correction", "recall", "urging"],
        ("in_progress", "lead-head"): ["delegation", "progress", "extension", "report"],
        ("in_progress", "lead-program"): ["delegation", "progress", "extension", "report"],
        ("in_progress", "reading-program"): [],
        ("in_progress", "officer"): ["progress"],
        ("reported", "leader"): ["correction", "report/decision", "recall"],
        ("reported", "other-leader"): [],
        ("reported", "lead-head"): [],
        ("completed", "leader"): [],
        ("completed", "lead-head"): [],
        ("refused", "leader"): ["reassignment", "correction", "recall"],
        ("refused", "lead-head"): [],
        ("recalled", "leader"): [],
        ("recalled", "auditor"): [],
    }
)


@pytest.mark.parametrize(("stage", "by"), ALLOWED)
async def test_a_task_says_what_the_caller_may_do_now(service: TaskService, stage: str, by: str) -> None:
    task = await task_in(service, stage, "receipt")
    assert await allowed(service, task, by) == ALLOWED[stage, by]
