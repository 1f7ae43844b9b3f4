"""What an act asks for besides its stage, and what it does to the task: deadlines, extensions, misses, explanations."""

from __future__ import annotations

from typing import Any, Final

import pytest

from services.assignment.check import compare_task
from tests.support.assignment import (
    BODIES,
    DEADLINE,
    DUE_AT,
    LATER_DEADLINE,
    TaskService,
    code_of,
    fields_of,
    moment,
)
from tests.support.clock import local

RECEIPT_DUE_AT: Final = "2026-10-06T23:59:59.999"
AFTER_DUE: Final = "2026-10-17T00:00:00"
SATURDAY_AFTER: Final = "2026-10-17T09:00:00"
MONDAY_AFTER: Final = "2026-10-19T09:00:00"
EXPLANATION_DUE_AT: Final = "2026-10-21T23:59:59.999"
"""Three working days after a miss on DEADLINE, a Friday: Monday, Tuesday, Wednesday."""
WORKING: Final = ("receipt", "delegation")
REFUSED: Final[dict[str, Any]] = {"approved": False, "reason": "Chưa đủ căn cứ"}
RETURNED: Final[dict[str, Any]] = {"accepted": False, "reason": "Thiếu số liệu"}


async def is_refused(service: TaskService, task: str, act: str, code: str, body: dict[str, Any] | None = None) -> None:
    """The act is refused with 409 and this code, is not offered either, and leaves the task as it was."""
    before = await service.stored_task(task)
    answer = await service.try_act(task, act, body=body)
    assert code_of(answer) == (409, code)
    assert await service.stored_task(task) == before


async def may(service: TaskService, task: str, act: str, by: str) -> bool:
    return act in (await service.read(task, by))["allowed_acts"]


# Receipt and refusal


async def test_receipt_stamps_the_moment_and_keeps_the_terms(service: TaskService) -> None:
    task = await service.assigned()
    service.clock.set("2026-10-05T10:30:00")
    received = await service.act(task, "receipt", "lead-clerk", {"note": "Trình Giám đốc"})
    assert moment(received["received_at"]) == local("2026-10-05T10:30:00")
    assert moment(received["receipt_due_at"]) == local(RECEIPT_DUE_AT)
    assert received["deadline"] == DEADLINE
    last = (await service.history(task))[-1]
    assert (last["by"], last["role"], last["agency"]) == ("lead-clerk", "clerk", "lead")
    assert last["details"] == {"note": "Trình Giám đốc"}


async def test_a_receipt_needs_no_body(service: TaskService) -> None:
    task = await service.assigned()
    answer = await service.http.post(f"/v1/tasks/{task}/receipt", headers=service.as_("lead-head"))
    assert answer.status_code == 200
    assert answer.json()["stage"] == "received"


async def test_a_late_receipt_is_taken(service: TaskService) -> None:
    task = await service.assigned()
    service.clock.set("2026-10-12T09:00:00")
    assert (await service.act(task, "receipt"))["stage"] == "received"


@pytest.mark.parametrize("acts", [(), ("receipt",)])
async def test_a_refusal_is_taken_up_to_the_end_of_the_receipt_term(
    service: TaskService, acts: tuple[str, ...]
) -> None:
    in_time, too_late = await service.assigned(), await service.assigned()
    await service.acts(in_time, *acts)
    await service.acts(too_late, *acts)
    service.clock.set(RECEIPT_DUE_AT)
    assert await may(service, in_time, "refusal", "lead-head")
    assert (await service.act(in_time, "refusal"))["stage"] == "refused"
    service.clock.advance(milliseconds=1)
    assert not await may(service, too_late, "refusal", "lead-head")
    await is_refused(service, too_late, "refusal", "deadline-passed")


async def test_a_refusal_is_taken_up_to_the_due_moment_when_that_comes_first(service: TaskService) -> None:
    express = {"deadline": None, "due_at": "2026-10-05T15:00:00+07:00", "priority": "express"}
    in_time, too_late = await service.assigned(**express), await service.assigned(**express)
    service.clock.set("2026-10-05T15:00:00")
    assert (await service.act(in_time, "refusal"))["stage"] == "refused"
    service.clock.advance(milliseconds=1)
    assert not await may(service, too_late, "refusal", "lead-head")
    await is_refused(service, too_late, "refusal", "deadline-passed")


async def test_a_refusal_lapses_a_request(service: TaskService) -> None:
    task = await service.assigned()
    refused = await service.acts(task, "receipt", "extension", "refusal")
    assert refused["extension"]["state"] == "none"
    assert [request["state"] for request in refused["extension"]["requests"]] == ["lapsed"]


# Reassignment


async def test_reassignment_starts_anew_with_another_agency(service: TaskService) -> None:
    task = await service.assigned(lead_agency="lead", coordinating_agencies=["stranger", "coordinating"])
    before = await service.acts(task, *WORKING, "urging", "contribution", "extension")
    await service.act(task, "progress", body={"percent": 100})
    service.clock.set("2026-10-08T09:00:00")
    after = await service.act(task, "reassignment")
    assert after["stage"] == "assigned"
    assert after["lead_agency"] == "stranger"
    assert after["coordinating_agencies"] == ["coordinating"]
    assert after["monitor"] == "monitor"
    for cleared in ("officer", "progress", "received_at", "report_due_at"):
        assert after[cleared] is None, cleared
    assert moment(after["receipt_due_at"]) == local("2026-10-09T23:59:59.999")
    for kept in ("deadline", "due_at", "original_deadline", "original_due_at", "urgings", "contributions"):
        assert after[kept] == before[kept], kept
    assert after["extension"]["state"] == "none"
    assert [request["state"] for request in after["extension"]["requests"]] == ["lapsed"]
    assert len(await service.history(task)) == after["version"]
    assert code_of(await service.get(f"/v1/tasks/{task}", "lead-head")) == (404, "not-found")


async def test_a_monitor_that_comes_to_lead_monitors_no_more(service: TaskService) -> None:
    task = await service.assigned()
    after = await service.act(task, "reassignment", body={"lead_agency": "monitor", "reason": "Trực tiếp làm"})
    assert (after["lead_agency"], after["monitor"]) == ("monitor", None)


async def test_the_extension_used_is_not_renewed_by_reassignment(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension", "extension/decision", "reassignment")
    await service.act(task, "receipt", "stranger-head")
    answer = await service.try_act(task, "extension", "stranger-head", {"new_deadline": "2026-11-20", "reason": "Nữa"})
    assert code_of(answer) == (409, "extension-already-used")


async def test_a_task_goes_back_to_its_agency_only_when_the_refusal_is_not_accepted(service: TaskService) -> None:
    task = await service.assigned()
    again = {"lead_agency": "lead", "reason": "Đúng thẩm quyền"}
    answer = await service.try_act(task, "reassignment", body=again)
    assert code_of(answer) == (422, "validation")
    assert fields_of(answer) == [("lead_agency", "same-agency")]
    await service.act(task, "refusal")
    assert (await service.act(task, "reassignment", body=again))["stage"] == "assigned"


@pytest.mark.parametrize("acts", [(), ("receipt",), WORKING, ("refusal",)])
async def test_reassignment_is_possible_up_to_the_due_moment(service: TaskService, acts: tuple[str, ...]) -> None:
    in_time, too_late = await service.assigned(), await service.assigned()
    await service.acts(in_time, *acts)
    await service.acts(too_late, *acts)
    service.clock.set(DUE_AT)
    assert (await service.act(in_time, "reassignment"))["lead_agency"] == "stranger"
    service.clock.set(AFTER_DUE)
    assert not await may(service, too_late, "reassignment", "leader")
    await is_refused(service, too_late, "reassignment", "deadline-passed")


# Correction, and the first deadline


async def test_a_correction_of_nothing_changes_nothing(service: TaskService) -> None:
    task = await service.assigned(field="Y tế", document={"number": "12/QĐ-UBND"})
    before = await service.stored_task(task)
    same = {
        "reason": "Ghi nhầm",
        "title": f" {before['title']} ",
        "field": "Y tế",
        "document": {"number": "12/QĐ-UBND", "summary": ""},
        "coordinating_agencies": ["coordinating"],
        "monitor": "monitor",
        "priority": "normal",
        "product": None,
    }
    answer = await service.try_act(task, "correction", body=same)
    assert code_of(answer) == (422, "nothing-to-change")
    assert sorted(fields_of(answer)) == sorted((name, "unchanged") for name in same if name != "reason")
    assert await service.stored_task(task) == before
    await service.act(task, "correction", body={**same, "title": "Tên mới"})
    assert (await service.history(task))[-1]["details"]["changes"] == {"title": "Tên mới"}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"title": "Báo cáo quý III"}, {"title": "Báo cáo quý III"}),
        ({"description": "Chi tiết", "product": "Báo cáo"}, {"description": "Chi tiết", "product": "Báo cáo"}),
        ({"field": "Đầu tư công", "priority": "express"}, {"field": "Đầu tư công", "priority": "express"}),
        ({"coordinating_agencies": []}, {"coordinating_agencies": []}),
        ({"monitor": None}, {"monitor": None}),
        ({"monitor": "coordinating", "coordinating_agencies": ["monitor"]}, {"monitor": "coordinating"}),
        (
            {"document": {"number": "12/QĐ-UBND", "issued_on": "2026-10-01"}},
            {"document": {"number": "12/QĐ-UBND", "issued_on": "2026-10-01", "summary": None}},
        ),
    ],
)
async def test_a_correction_changes_what_it_names_and_nothing_else(
    service: TaskService, changes: dict[str, Any], shown: dict[str, Any]
) -> None:
    task = await service.assigned()
    before = await service.read(task)
    after = await service.act(task, "correction", body={"reason": "Ghi nhầm", **changes})
    assert {name: after[name] for name in shown} == shown
    touched = {*changes, "version", "updated_at"}
    assert {name: after[name] for name in after if name not in touched} == {
        name: before[name] for name in before if name not in touched
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ("title", "nothing-to-change")),
        ({"deadline": "2026-12-01"}, ("deadline", "unknown-field")),
        ({"lead_agency": "stranger"}, ("lead_agency", "unknown-field")),
        ({"title": None}, ("title", "not-a-text")),
        ({"coordinating_agencies": ["lead"]}, ("coordinating_agencies", "duplicate-agency")),
        ({"coordinating_agencies": ["stranger", "stranger"]}, ("coordinating_agencies", "duplicate-agency")),
        ({"coordinating_agencies": ["nobody"]}, ("coordinating_agencies", "unknown-agency")),
        ({"monitor": "coordinating"}, ("monitor", "duplicate-agency")),
        ({"monitor": "nobody"}, ("monitor", "unknown-agency")),
    ],
)
async def test_a_correction_that_would_not_do_changes_nothing(
    service: TaskService, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    task = await service.assigned()
    before = await service.stored_task(task)
    answer = await service.try_act(task, "correction", body={"reason": "Ghi nhầm", **changes})
    assert code_of(answer) == (422, "validation")
    assert fields_of(answer) == [problem]
    assert await service.stored_task(task) == before


@pytest.mark.parametrize("blank", ["", " \n", "\u200b"])
async def test_a_blank_text_of_a_correction_counts_as_absent(service: TaskService, blank: str) -> None:
    task = await service.assigned(description="Mô tả")
    after = await service.act(task, "correction", body={"reason": "Ghi nhầm", "title": "Tên", "description": blank})
    assert (after["title"], after["description"]) == ("Tên", "Mô tả")


async def test_a_first_deadline_is_the_original_one(service: TaskService) -> None:
    task = await service.assigned(deadline=None, deadline_text="Thường xuyên")
    plain = await service.read(task)
    assert (plain["due_kind"], plain["deadline"], plain["due_at"]) == ("none", None, None)
    after = await service.act(task, "deadline")
    assert (after["due_kind"], after["deadline"], after["original_deadline"]) == ("date", *[LATER_DEADLINE] * 2)
    assert moment(after["due_at"]) == moment(after["original_due_at"]) == local("2026-10-30T23:59:59.999")
    await is_refused(service, task, "deadline", "wrong-stage")


async def test_a_task_has_one_deadline_act_only_while_it_has_none(service: TaskService) -> None:
    task = await service.assigned()
    assert not await may(service, task, "deadline", "leader")
    await is_refused(service, task, "deadline", "wrong-stage")


async def test_a_deadline_on_a_day_off_stays_as_written_and_ends_on_the_next_working_day(service: TaskService) -> None:
    task = await service.assign(deadline="2026-10-17")
    assert (task["deadline"], task["due_kind"]) == ("2026-10-17", "date")
    assert moment(task["due_at"]) == local("2026-10-19T23:59:59.999")


async def test_a_moment_never_rolls_and_its_local_day_is_the_deadline(service: TaskService) -> None:
    task = await service.assign(deadline=None, due_at="2026-10-16T18:30:00Z")
    assert (task["deadline"], task["due_kind"]) == ("2026-10-17", "moment")
    assert moment(task["due_at"]) == local("2026-10-17T01:30:00")


# Work


async def test_finished_work_is_to_be_reported_within_a_working_day(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, *WORKING)
    assert (await service.act(task, "progress", body={"percent": 40}))["report_due_at"] is None
    finished = await service.act(task, "progress", body={"percent": 100, "note": "Xong"})
    assert moment(finished["report_due_at"]) == local(RECEIPT_DUE_AT)
    assert finished["progress"] == {"percent": 100, "note": "Xong", "at": finished["updated_at"]}
    service.clock.set("2026-10-08T09:00:00")
    again = await service.act(task, "progress", body={"percent": 100})
    assert again["report_due_at"] == finished["report_due_at"]
    assert (await service.act(task, "progress", body={"percent": 99}))["report_due_at"] is None


async def test_a_return_starts_the_term_of_reporting_anew_where_the_work_is_finished(service: TaskService) -> None:
    finished, unfinished = await service.assigned(), await service.assigned()
    for task, percent in ((finished, 100), (unfinished, 60)):
        await service.acts(task, *WORKING)
        await service.act(task, "progress", body={"percent": percent})
        assert (await service.act(task, "report"))["report_due_at"] is None
    service.clock.set("2026-10-09T09:00:00")
    returned = await service.act(finished, "report/decision", body=RETURNED)
    assert returned["stage"] == "in_progress"
    assert returned["progress"]["percent"] == 100
    assert moment(returned["report_due_at"]) == local("2026-10-12T23:59:59.999")
    assert (returned["report"]["state"], returned["report"]["returns"]) == ("returned", 1)
    assert (await service.act(unfinished, "report/decision", body=RETURNED))["report_due_at"] is None


async def test_contributions_and_urgings_are_counted(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "contribution", "urging")
    await service.act(task, "contribution", "coordinating-clerk")
    after = await service.act(task, "urging", "monitor-head")
    assert (after["contributions"], after["urgings"], after["stage"]) == (2, 2, "received")


async def test_an_officer_of_another_agency_is_not_handed_a_task(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    await service.add_officer("disabled-officer")
    await service.change_account("disabled-officer", disabled=True)
    answers = {}
    for officer in ("stranger-officer", "stranger-head", "nobody", "lead-clerk", "disabled-officer"):
        answer = await service.try_act(task, "delegation", body={"officer": officer, "instruction": "Làm"})
        answers[officer] = (code_of(answer), fields_of(answer), answer.json()["errors"][0]["message"])
    assert {(code, tuple(fields)) for code, fields, _ in answers.values()} == {
        ((422, "validation"), (("officer", "not-an-officer"),))
    }
    assert len({message for _, _, message in answers.values()}) == 1, "one answer, whoever it is or is not"


async def test_a_task_handed_on_is_seen_by_the_new_officer_alone(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, *WORKING)
    await service.act(task, "delegation", body={"officer": "idle-officer", "instruction": "Làm tiếp"})
    assert await may(service, task, "progress", "idle-officer")
    assert code_of(await service.get(f"/v1/tasks/{task}", "officer")) == (404, "not-found")


# The one extension


async def test_an_extension_granted_moves_the_deadline_and_keeps_the_original(service: TaskService) -> None:
    task = await service.assigned()
    asked = await service.acts(task, "receipt", "extension")
    (request,) = asked["extension"]["requests"]
    assert (asked["extension"]["state"], request["state"], request["decided_at"]) == ("pending", "pending", None)
    assert (request["from_deadline"], request["new_deadline"]) == (DEADLINE, LATER_DEADLINE)
    assert moment(request["new_due_at"]) == local("2026-10-30T23:59:59.999")
    service.clock.set("2026-10-06T09:00:00")
    granted = await service.act(task, "extension/decision", "coordinator")
    (request,) = granted["extension"]["requests"]
    assert (granted["extension"]["state"], request["state"]) == ("used", "approved")
    assert (request["decided_by"], moment(request["decided_at"])) == ("coordinator", local("2026-10-06T09:00:00"))
    assert (granted["deadline"], granted["original_deadline"]) == (LATER_DEADLINE, DEADLINE)
    assert moment(granted["due_at"]) == local("2026-10-30T23:59:59.999")
    assert moment(granted["original_due_at"]) == local(DUE_AT)


async def test_another_date_than_the_one_asked_for_may_be_granted_for_a_reason(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension")
    other = {"approved": True, "new_deadline": "2026-10-23"}
    answer = await service.try_act(task, "extension/decision", body=other)
    assert (code_of(answer), fields_of(answer)) == ((422, "validation"), [("reason", "missing")])
    granted = await service.act(task, "extension/decision", body={**other, "reason": "Đủ thời gian"})
    assert granted["deadline"] == "2026-10-23"
    assert granted["extension"]["requests"][0]["new_deadline"] == LATER_DEADLINE


async def test_the_date_asked_for_needs_no_reason_when_it_is_named_again(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension")
    granted = await service.act(task, "extension/decision", body={"approved": True, "new_deadline": LATER_DEADLINE})
    assert granted["deadline"] == LATER_DEADLINE


async def test_a_moment_asked_for_is_granted_as_a_moment(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    await service.act(task, "extension", body={"new_due_at": "2026-10-18T10:00:00+07:00", "reason": "Thêm"})
    granted = await service.act(task, "extension/decision")
    assert (granted["due_kind"], moment(granted["due_at"])) == ("moment", local("2026-10-18T10:00:00"))


async def test_a_refused_request_does_not_use_the_extension_up(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension")
    refused = await service.act(task, "extension/decision", body=REFUSED)
    assert refused["extension"]["state"] == "none"
    assert refused["extension"]["requests"][0]["decision_reason"] == REFUSED["reason"]
    assert refused["deadline"] == DEADLINE
    used = await service.acts(task, "extension", "extension/decision")
    assert [request["state"] for request in used["extension"]["requests"]] == ["refused", "approved"]


async def test_the_refusals_of_a_request_come_in_their_order(service: TaskService) -> None:
    used, pending, plain = [await service.assigned() for _ in range(3)]
    unbound = await service.assigned(deadline=None)
    for task in (used, pending, plain, unbound):
        await service.act(task, "receipt")
    await service.acts(used, "extension", "extension/decision")
    await service.act(pending, "extension")
    await is_refused(service, used, "extension", "extension-already-used")
    await is_refused(service, pending, "extension", "extension-pending")
    await is_refused(service, unbound, "extension", "no-deadline")
    service.clock.set("2026-11-02T09:00:00")
    asked = {"new_deadline": "2026-11-20", "reason": "Thêm"}
    await is_refused(service, used, "extension", "extension-already-used", asked)
    await is_refused(service, pending, "extension", "extension-pending", asked)
    await is_refused(service, plain, "extension", "deadline-passed", asked)
    for task in (used, pending, plain, unbound):
        assert not await may(service, task, "extension", "lead-head")


async def test_a_request_is_taken_up_to_the_due_moment(service: TaskService) -> None:
    in_time, too_late = await service.assigned(), await service.assigned()
    await service.act(in_time, "receipt")
    await service.act(too_late, "receipt")
    service.clock.set(DUE_AT)
    assert (await service.act(in_time, "extension"))["extension"]["state"] == "pending"
    service.clock.set(AFTER_DUE)
    await is_refused(service, too_late, "extension", "deadline-passed")


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"new_deadline": DEADLINE}, ("new_deadline", "not-later")),
        ({"new_deadline": "2026-10-15"}, ("new_deadline", "not-later")),
        ({"new_due_at": f"{DUE_AT}+07:00"}, ("new_due_at", "not-later")),
        ({"new_deadline": "2026-10-02"}, ("new_deadline", "in-the-past")),
        ({"new_due_at": "2026-10-05T08:59:59+07:00"}, ("new_due_at", "in-the-past")),
    ],
)
async def test_a_request_names_a_later_moment(
    service: TaskService, asked: dict[str, str], problem: tuple[str, str]
) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    answer = await service.try_act(task, "extension", body={**asked, "reason": "Thêm"})
    assert (code_of(answer), fields_of(answer)) == ((422, "validation"), [problem])
    await service.act(task, "extension")
    if problem[1] == "not-later":
        granted = {"approved": True, **asked}
        assert fields_of(await service.try_act(task, "extension/decision", body=granted)) == [problem]


async def test_a_request_is_decided_once(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension", "extension/decision")
    await is_refused(service, task, "extension/decision", "wrong-stage")
    await is_refused(service, task, "extension/decision", "wrong-stage", REFUSED)


async def test_a_report_in_time_lapses_a_request_and_a_recall_does_too(service: TaskService) -> None:
    for act in ("report", "recall"):
        task = await service.assigned()
        after = await service.acts(task, "receipt", "extension", act)
        assert [request["state"] for request in after["extension"]["requests"]] == ["lapsed"]
        assert after["extension"]["state"] == "none"
        await is_refused(service, task, "extension/decision", "wrong-stage")


# A slow decision is not the agency's fault


async def test_nothing_is_missed_while_a_request_waits(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, *WORKING, "extension")
    service.clock.set(MONDAY_AFTER)
    waiting = await service.act(task, "progress")
    assert (waiting["missed_at"], waiting["explanation"]["state"], waiting["timeliness"]) == (None, "none", "overdue")


async def test_granted_late_there_was_no_miss(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension")
    service.clock.set(MONDAY_AFTER)
    granted = await service.act(task, "extension/decision")
    assert (granted["missed_at"], granted["explanation"]["state"]) == (None, "none")
    assert granted["timeliness"] == "on_track"


async def test_granted_so_late_that_the_new_moment_has_passed_the_miss_follows_in_the_same_write(
    service: TaskService,
) -> None:
    task = await service.assigned()
    before = await service.acts(task, "receipt", "extension")
    service.clock.set("2026-11-02T09:00:00")
    granted = await service.act(task, "extension/decision")
    assert granted["version"] == before["version"] + 2
    assert moment(granted["due_at"]) == local("2026-10-30T23:59:59.999")
    assert moment(granted["missed_at"]) == local("2026-11-02T09:00:00")
    assert moment(granted["explanation"]["due_at"]) == local("2026-11-05T23:59:59.999")


async def test_refused_late_the_miss_follows(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension")
    service.clock.set(MONDAY_AFTER)
    refused = await service.act(task, "extension/decision", body=REFUSED)
    assert moment(refused["missed_at"]) == local(MONDAY_AFTER)
    assert refused["explanation"]["state"] == "required"
    assert moment(refused["explanation"]["due_at"]) == local("2026-10-22T23:59:59.999")
    assert [entry["act"] for entry in await service.history(task)][-2:] == ["extension_refused", "explanation_required"]


async def test_a_late_report_leaves_a_request_waiting_that_is_decided_first(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension")
    service.clock.set(MONDAY_AFTER)
    reported = await service.act(task, "report")
    assert (reported["extension"]["state"], reported["missed_at"]) == ("pending", None)
    assert not await may(service, task, "report/decision", "leader")
    assert await may(service, task, "extension/decision", "leader")
    await is_refused(service, task, "report/decision", "extension-pending")
    await is_refused(service, task, "report/decision", "extension-pending", RETURNED)
    assert (await service.act(task, "extension/decision"))["missed_at"] is None
    done = await service.act(task, "report/decision")
    assert (done["stage"], done["timeliness"]) == ("completed", "completed_on_time")


# A miss and its explanation


async def test_a_report_on_the_due_day_is_in_time_however_late_it_is_accepted(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    service.clock.set(DUE_AT)
    await service.act(task, "report")
    service.clock.set("2026-11-20T09:00:00")
    assert (await service.read(task))["timeliness"] == "on_track"
    done = await service.act(task, "report/decision")
    assert (done["timeliness"], done["missed_at"]) == ("completed_on_time", None)
    assert moment(done["completed_at"]) == local("2026-11-20T09:00:00")


async def test_a_late_report_owes_an_explanation(service: TaskService) -> None:
    task = await service.assigned()
    before = await service.acts(task, "receipt")
    service.clock.set(AFTER_DUE)
    late = await service.act(task, "report")
    assert (late["version"], late["stage"], late["timeliness"]) == (before["version"] + 2, "reported", "overdue")
    assert moment(late["missed_at"]) == moment(late["explanation"]["required_at"]) == local(DUE_AT)
    assert (late["explanation"]["state"], moment(late["explanation"]["due_at"])) == (
        "required",
        local(EXPLANATION_DUE_AT),
    )
    miss, reported = (await service.history(task))[-2:]
    assert (miss["act"], miss["by"], miss["role"]) == ("explanation_required", "system", None)
    assert moment(miss["at"]) == local(AFTER_DUE)
    assert (reported["act"], reported["by"]) == ("reported", "lead-head")


async def test_a_read_and_a_refused_act_record_no_miss(service: TaskService) -> None:
    task = await service.assigned()
    service.clock.set(SATURDAY_AFTER)
    stored = await service.stored_task(task)
    shown = await service.read(task, "lead-head")
    assert (shown["missed_at"], shown["timeliness"]) == (None, "overdue")
    assert "explanation" in shown["allowed_acts"]
    await is_refused(service, task, "reassignment", "deadline-passed")
    assert await service.stored_task(task) == stored


async def test_a_report_returned_before_the_deadline_leaves_the_clock_running(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "report")
    await service.act(task, "report/decision", body=RETURNED)
    service.clock.set(SATURDAY_AFTER)
    late = await service.act(task, "report")
    assert moment(late["missed_at"]) == local(DUE_AT)


async def test_a_report_returned_after_the_deadline_is_missed_from_then_on(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "report")
    service.clock.set(MONDAY_AFTER)
    returned = await service.act(task, "report/decision", body=RETURNED)
    assert moment(returned["missed_at"]) == local(MONDAY_AFTER)
    assert returned["explanation"]["state"] == "required"
    assert moment(returned["explanation"]["due_at"]) == local("2026-10-22T23:59:59.999")
    assert [entry["act"] for entry in await service.history(task)][-2:] == ["report_returned", "explanation_required"]


async def test_a_refused_task_misses_nothing_and_keeps_its_clock(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "refusal")
    service.clock.set(SATURDAY_AFTER)
    corrected = await service.act(task, "correction")
    assert (corrected["missed_at"], corrected["timeliness"]) == (None, "overdue")
    assert (await service.act(task, "recall"))["missed_at"] is None


async def test_a_missed_task_is_closed_only_once_it_is_explained(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    service.clock.set(SATURDAY_AFTER)
    await service.act(task, "report")
    await is_refused(service, task, "report/decision", "explanation-required")
    explained = await service.act(task, "explanation")
    assert explained["explanation"]["state"] == "submitted"
    assert explained["explanation"]["cause"] == BODIES["explanation"]["cause"]
    refused = await service.act(task, "explanation/decision", body={"accepted": False, "reason": "Chưa rõ"})
    assert refused["explanation"]["state"] == "refused"
    assert moment(refused["explanation"]["due_at"]) == local("2026-10-21T23:59:59.999")
    await is_refused(service, task, "report/decision", "explanation-required")
    await service.act(task, "explanation")
    done = await service.act(task, "report/decision")
    assert (done["stage"], done["timeliness"], done["explanation"]["state"]) == (
        "completed",
        "completed_late",
        "submitted",
    )
    ruled = await service.act(
        task, "explanation/decision", body={"accepted": True, "directive": "Bổ sung nhân sự trong tháng"}
    )
    assert (ruled["stage"], ruled["explanation"]["state"]) == ("completed", "accepted")
    assert ruled["explanation"]["directive"] == "Bổ sung nhân sự trong tháng"


async def test_a_missed_task_may_be_returned_unexplained(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    service.clock.set(SATURDAY_AFTER)
    await service.act(task, "report")
    assert (await service.act(task, "report/decision", body=RETURNED))["stage"] == "in_progress"


async def test_an_explanation_is_ruled_on_once_and_given_once(service: TaskService) -> None:
    task = await service.assigned()
    await is_refused(service, task, "explanation", "wrong-stage")
    await is_refused(service, task, "explanation/decision", "wrong-stage")
    service.clock.set(SATURDAY_AFTER)
    await is_refused(service, task, "explanation/decision", "wrong-stage")
    await service.act(task, "explanation")
    await is_refused(service, task, "explanation", "wrong-stage")
    await service.act(task, "explanation/decision")
    await is_refused(service, task, "explanation/decision", "wrong-stage")
    await is_refused(service, task, "explanation", "wrong-stage")


async def test_a_report_is_decided_on_once(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "report", "report/decision")
    await is_refused(service, task, "report/decision", "wrong-stage")
    await is_refused(service, task, "report/decision", "wrong-stage", RETURNED)


async def test_a_recall_ends_the_duty_to_explain(service: TaskService) -> None:
    task = await service.assigned()
    service.clock.set(SATURDAY_AFTER)
    recalled = await service.act(task, "recall")
    assert (recalled["stage"], recalled["timeliness"]) == ("recalled", "recalled")
    assert (recalled["explanation"]["state"], moment(recalled["missed_at"])) == ("required", local(DUE_AT))
    await is_refused(service, task, "explanation", "wrong-stage")


async def test_a_miss_is_recorded_once_in_a_life(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    service.clock.set(SATURDAY_AFTER)
    await service.acts(task, "delegation", "progress", "explanation", "report")
    await service.act(task, "report/decision", body=RETURNED)
    await service.act(task, "report")
    assert [entry["act"] for entry in await service.history(task)].count("explanation_required") == 1


# The history


async def test_a_coordinator_acts_for_the_leader_in_every_entry(service: TaskService) -> None:
    task = str((await service.assign("coordinator", assigner="other-leader"))["id"])
    for act in ("correction", "urging", "recall"):
        await service.act(task, act, "coordinator")
    entries = await service.history(task)
    assert {(entry["by"], entry["role"], entry["agency"], entry["acting_for"]) for entry in entries} == {
        ("coordinator", "coordinator", "office", "other-leader")
    }
    assert code_of(await service.try_act(task, "recall", "leader")) == (403, "not-permitted")


async def test_the_history_tells_everything_in_order(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(
        task, *WORKING, "progress", "contribution", "extension", "extension/decision", "urging", "report"
    )
    entries = await service.history(task)
    told = "assigned received delegated progressed contributed extension_requested extension_approved urged reported"
    assert " ".join(entry["act"] for entry in entries) == told
    assert [entry["sequence"] for entry in entries] == list(range(1, 10))


async def test_a_task_takes_so_many_entries_and_what_closes_it_still_fits(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, *WORKING)
    # As many entries as a busy year brings, without living through it.
    used = {"progress": 399, "contributions": 29, "urgings": 99}
    tally = [
        {"quota": quota, "agency": "coordinating" if quota == "contributions" else None, "entries": entries, "bytes": 0}
        for quota, entries in used.items()
    ]
    await service.database["tasks"].update_one({"_id": task}, {"$set": {"tally": tally}})
    for act, by in (("progress", "officer"), ("contribution", "coordinating-head"), ("urging", "leader")):
        await service.act(task, act, by)
        assert not await may(service, task, act, by)
        await is_refused(service, task, act, "task-full")
    await service.act(task, "urging", "monitor-head")
    await service.acts(task, "correction", "delegation", "report", "report/decision")


async def test_a_task_takes_twenty_requests(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    for _ in range(20):
        await service.act(task, "extension")
        await service.act(task, "extension/decision", body=REFUSED)
    await is_refused(service, task, "extension", "task-full")
    await service.acts(task, "report", "report/decision")


async def test_a_task_takes_fifty_returns_and_rulings(service: TaskService) -> None:
    task = await service.assigned()
    await service.act(task, "receipt")
    service.clock.set(SATURDAY_AFTER)
    for _ in range(25):
        await service.act(task, "explanation")
        await service.act(task, "explanation/decision", body={"accepted": False, "reason": "Chưa rõ"})
        await service.act(task, "report")
        await service.act(task, "report/decision", body=RETURNED)
    await service.acts(task, "explanation", "report")
    await is_refused(service, task, "report/decision", "task-full", RETURNED)
    await is_refused(service, task, "explanation/decision", "task-full", {"accepted": False, "reason": "Chưa rõ"})
    await service.acts(task, "explanation/decision", "report/decision")


async def test_a_task_takes_fifty_corrections_and_nobody_else_has_fewer_acts_for_it(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, *WORKING)
    for number in range(50):
        await service.act(task, "correction", body={"reason": "Ghi nhầm", "title": f"Tên {number}"})
    await is_refused(service, task, "correction", "task-full")
    await service.acts(task, "delegation", "reassignment")


async def test_the_longest_corrections_are_fewer_and_what_closes_the_task_still_fits(service: TaskService) -> None:
    """The longest texts, none of which is ever forgotten, would outgrow what MongoDB keeps in one document."""
    task = await service.assigned()
    await service.acts(task, *WORKING)
    for first in "abcdefghijkl":
        longest = dict.fromkeys(("reason", "description", "product"), first + "ệ" * 9_999)
        await service.act(task, "correction", body=longest)
    await is_refused(service, task, "correction", "task-full", {"reason": "Ghi nhầm", "priority": "urgent"})
    await service.acts(task, "delegation", "report", "report/decision")


async def test_a_task_of_an_earlier_version_is_counted_from_its_history(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, *WORKING, "urging", "urging", "contribution", "progress")
    counted = (await service.stored_task(task))["tally"]
    await service.database["tasks"].update_one({"_id": task}, {"$unset": {"tally": True, "derived": True}})
    assert list(compare_task(await service.stored_task(task))) == []
    await service.act(task, "urging")
    again = {(one["quota"], one["agency"]): one["entries"] for one in (await service.stored_task(task))["tally"]}
    assert again == {(one["quota"], one["agency"]): one["entries"] + (one["quota"] == "urgings") for one in counted}
    assert list(compare_task(await service.stored_task(task))) == []
