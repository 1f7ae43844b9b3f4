"""What a task waits for and since when, told by hand. `test_tasks_machine.py` holds it against the contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import bson
import pytest
from bson.codec_options import CodecOptions

from services.assignment.check import compare_task
from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.state import Progress, Task
from services.assignment.tasks.rules.waiting import counted_keys, key_of, list_keys, list_of, noted
from services.assignment.tasks.store.records import LATER, brought_up
from shared.mongo import Record
from shared.office.access import Principal
from shared.office.vocabulary import Cause, Role, Stage
from tests.bench.tasks import a_task
from tests.support.clock import MONDAY, local
from tests.support.lives import LIVES, Life
from tests.support.notification_events import ASSIGNED_AT

LEADER: Final = Principal("chu-tich", Role.LEADER)
HEAD: Final = Principal("gd-tai-chinh", Role.HEAD, "so-tai-chinh")
PROGRAM: Final = Principal("phan-mem", Role.SERVICE, "so-tai-chinh")
CLERK: Final = Principal("vt-tai-chinh", Role.CLERK, "so-tai-chinh")
OFFICER: Final = Principal("cv-tai-chinh", Role.OFFICER, "so-tai-chinh")
COORDINATOR: Final = Principal("theo-doi", Role.COORDINATOR, "van-phong")
DUE: Final = ASSIGNED_AT + timedelta(days=5)


def waits(task: Task, caller: Principal) -> dict[str, str]:
    """Return the kinds for the caller, each with the minutes since the assignment."""
    return {
        wait.kind: str((wait.since - ASSIGNED_AT) // timedelta(minutes=1))
        for wait in task.waits
        if wait.key == key_of(caller)
    }


def kinds(life: Life) -> dict[str, dict[str, str]]:
    """Return for whom it waits for what since when; a coordinator is as the leader, a program as the head."""
    task = life.task
    assert waits(task, COORDINATOR) == waits(task, LEADER)
    assert waits(task, PROGRAM) == waits(task, HEAD)
    people = {"leader": LEADER, "head": HEAD, "clerk": CLERK, "officer": OFFICER}
    return {name: found for name, who in people.items() if (found := waits(task, who))}


def test_each_wait_begins_when_its_own_state_begins() -> None:
    life = Life(RequestedDeadline(moment=DUE))
    assert kinds(life) == {"head": {"receive": "0"}, "clerk": {"receive": "0"}}
    life.act("correction", handover.Correct("Ghi nhầm", {"field": "Đất đai"}), "chu-tich")
    assert kinds(life) == {"head": {"receive": "0"}, "clerk": {"receive": "0"}}
    life.act("receipt", receipt.Receive(), "vt-tai-chinh")
    assert kinds(life) == {"head": {"delegate": "2"}}
    life.act("progress", work.MakeProgress(10), "gd-tai-chinh")
    life.act("progress", work.MakeProgress(20), "gd-tai-chinh")
    assert kinds(life) == {"head": {"progress": "3"}}
    life.act("delegation", work.Delegate("cv-tai-chinh", "Tham mưu"), "gd-tai-chinh")
    assert kinds(life) == {"officer": {"progress": "5"}}
    life.act("progress", work.MakeProgress(100), "cv-tai-chinh")
    life.act("progress", work.MakeProgress(100), "cv-tai-chinh")
    assert kinds(life) == {"head": {"report": "6"}}
    life.act("progress", work.MakeProgress(90), "cv-tai-chinh")
    assert kinds(life) == {"officer": {"progress": "8"}}
    later = RequestedDeadline(moment=DUE + timedelta(days=2))
    life.act("extension", extension.AskExtension(later, "Chờ số liệu"), "gd-tai-chinh")
    assert kinds(life) == {"officer": {"progress": "8"}, "leader": {"decide_extension": "9"}}
    life.act("report", report.SubmitReport("Đã xong"), "gd-tai-chinh")
    assert kinds(life) == {"leader": {"decide_report": "10"}}
    life.act("report/decision", report.DecideReport(accepted=False, reason="Thiếu"), "chu-tich")
    assert kinds(life) == {"officer": {"progress": "11"}}


def test_a_miss_waits_since_it_happened_however_late_it_is_recorded() -> None:
    life = Life(RequestedDeadline(moment=DUE)).act("receipt", receipt.Receive(), "gd-tai-chinh")
    life.now = DUE + timedelta(days=3)
    at_due = str(5 * 24 * 60)
    life.act("urging", work.Urge("Đề nghị khẩn trương"), "chu-tich")
    assert kinds(life) == {"head": {"delegate": "1", "report": at_due, "explain": at_due}}


def test_a_late_report_beside_a_request_waits_for_the_request_first() -> None:
    life = Life(RequestedDeadline(moment=DUE)).act("receipt", receipt.Receive(), "gd-tai-chinh")
    later = RequestedDeadline(moment=DUE + timedelta(days=2))
    life.act("extension", extension.AskExtension(later, "Chờ số liệu"), "gd-tai-chinh")
    life.now = DUE + timedelta(minutes=1)
    life.act("report", report.SubmitReport("Đã xong"), "gd-tai-chinh")
    assert kinds(life) == {"leader": {"decide_extension": "2"}}
    life.act("extension/decision", extension.DecideExtension(approved=True), "chu-tich")
    assert kinds(life) == {"leader": {"decide_report": str(5 * 24 * 60 + 3)}}


def test_a_closed_task_waits_for_its_explanation_alone() -> None:
    explain = explanation.Explain(Cause.WORKLOAD, "Nhiều việc cùng lúc", "Bố trí thêm người")
    life = Life(RequestedDeadline(moment=DUE)).act("receipt", receipt.Receive(), "gd-tai-chinh").pass_days(6)
    life.act("explanation", explain, "gd-tai-chinh").act("report", report.SubmitReport("Đã xong"), "gd-tai-chinh")
    life.act("report/decision", report.DecideReport(accepted=True), "chu-tich")
    assert set(kinds(life)["leader"]) == {"decide_explanation"}
    assert not any(key.startswith("others") for key in list_keys(life.task))
    life.act("explanation/decision", explanation.DecideExplanation(accepted=False, reason="Chưa rõ"), "chu-tich")
    assert set(kinds(life)["head"]) == {"explain"}
    life.act("explanation", explain, "gd-tai-chinh")
    life.act("explanation/decision", explanation.DecideExplanation(accepted=True), "chu-tich")
    assert (kinds(life), list_keys(life.task), counted_keys(life.task)) == ({}, [], [])


def test_a_refused_task_waits_to_be_reassigned_and_then_for_the_next_agency() -> None:
    life = Life().act("refusal", receipt.Refuse("Không thuộc thẩm quyền"), "gd-tai-chinh")
    assert kinds(life) == {"leader": {"reassign": "1"}}
    assert list_of(HEAD, "others") in list_keys(life.task)
    life.act("reassignment", handover.Reassign("so-xay-dung", "Đúng chức năng"), "chu-tich")
    assert kinds(life) == {}
    assert waits(life.task, Principal("gd-xay-dung", Role.HEAD, "so-xay-dung")) == {"receive": "2"}
    life.act("recall", handover.Recall("Không còn cần"), "chu-tich")
    assert (list_keys(life.task), counted_keys(life.task)) == ([], [])


@pytest.mark.parametrize(
    ("stage", "percent", "expected"),
    [
        (Stage.IN_PROGRESS, 40, {"delegate", "progress"}),
        (Stage.IN_PROGRESS, 100, {"delegate", "report"}),
        (Stage.REPORTED, 100, set()),
    ],
)
def test_when_the_officer_left_the_head_delegates_anew(stage: Stage, percent: int, expected: set[str]) -> None:
    life = Life().act("receipt", receipt.Receive(), "gd-tai-chinh")
    life.act("delegation", work.Delegate("cv-tai-chinh", "Tham mưu"), "gd-tai-chinh")
    progress = Progress(percent=percent, at=life.now)
    left = noted(replace(life.task, stage=stage, progress=progress, officer=None, officer_left=True), life.now)
    assert set(waits(left, HEAD)) == expected
    assert waits(left, OFFICER) == {}
    life.task = left
    if stage is Stage.IN_PROGRESS:
        life.act("delegation", work.Delegate("cv-tai-chinh", "Tham mưu"), "gd-tai-chinh")
        assert "delegate" not in waits(life.task, HEAD)


def test_an_officer_who_went_to_another_agency_has_no_task_of_the_former() -> None:
    life = Life().act("receipt", receipt.Receive(), "gd-tai-chinh")
    life.act("delegation", work.Delegate("cv-tai-chinh", "Tham mưu"), "gd-tai-chinh")
    elsewhere = replace(OFFICER, agency="so-xay-dung")
    assert list_of(OFFICER, "me") in list_keys(life.task)
    assert not {list_of(elsewhere, "me"), list_of(elsewhere, "others")} & {*list_keys(life.task)}


@pytest.mark.parametrize("name", LIVES)
def test_a_program_and_an_auditor_look_for_their_own_keys(name: str) -> None:
    task = LIVES[name]().task
    for stranger in (Principal("x", Role.AUDITOR), Principal("y", Role.ADMINISTRATOR)):
        assert not {list_of(stranger, "me"), list_of(stranger, "others")} & {*list_keys(task)}


# Records of an earlier version


def as_stored(record: Record) -> Record:
    return bson.decode(bson.encode(record), CodecOptions(tz_aware=True))


def test_a_record_of_an_earlier_version_is_not_reported_as_different() -> None:
    now = as_stored(a_task().document())
    assert list(compare_task(now)) == []
    earlier = {name: value for name, value in now.items() if name not in LATER}
    earlier["waiting"] = ["head:stc"]
    assert list(compare_task(earlier)) == []
    altered = [*compare_task({**now, "waits": []}), *compare_task({**now, "work": []})]
    assert [one.detail.rsplit(": ", 1)[1] for one in altered] == ["waits", "work"]
    assert [one.detail.rsplit(": ", 1)[1] for one in compare_task({**earlier, "urgings": 9})] == ["urgings"]


def test_an_earlier_record_is_brought_up_by_its_history() -> None:
    made = a_task()
    now = as_stored(made.document())
    earlier = {name: value for name, value in now.items() if name not in LATER}
    assert as_stored(brought_up(earlier, earlier["history"])) == now
    assert noted(made.task, local(MONDAY)) == made.task
