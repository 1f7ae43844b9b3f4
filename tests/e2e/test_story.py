"""Four tasks from their assignment to their end, as a province lives them, through HTTP alone.

Read it from top to bottom: each step says what people do, and `so` what comes of it: who is told (and that nobody
else is), what the summary counts, and what each task waits for. All expectations are written by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.clock import local
from tests.support.messaging import wait_until
from tests.support.running_stack import ADMINISTRATOR, AGENCIES, EVERYBODY, PEOPLE, RunningStack, expect

# The tasks, by what will become of them.
EXTENDED: Final = "extended"
LATE: Final = "late"
HANDED_ON: Final = "handed on"
UNREPORTED: Final = "unreported"
TASKS: Final = (EXTENDED, LATE, HANDED_ON, UNREPORTED)

BATCH: Final = {
    "document": {"number": "123/QĐ-UBND", "issued_on": "2026-10-02", "summary": "Giải ngân vốn đầu tư công năm 2026"},
    "authority": "chair",
    "assigner": "chair",
    "items": [
        {
            "title": "Báo cáo kết quả giải ngân vốn đầu tư công quý III",
            "product": "Báo cáo",
            "lead_agencies": ["stc", "sxd", "snn"],
            "coordinating_agencies": ["sct"],
            "monitor": "vp",
            "deadline": "2026-10-16",
        }
    ],
}
OWN_TASK: Final = {"title": "Rà soát các dự án chậm tiến độ", "lead_agency": "snn"}
EXTENSION: Final = {"new_deadline": "2026-10-30", "reason": "Chờ số liệu của Kho bạc Nhà nước"}
EXPLANATION: Final = {
    "cause": "dependency_on_other_agency",
    "narrative": "Chờ bàn giao mặt bằng",
    "remedy": "Phối hợp với các xã, phường giải phóng mặt bằng",
    "expected_finish": "2026-10-20",
}

Told = Mapping[tuple[str, str], set[str]]
"""Who finds an entry of a kind about a task, `(task, kind)`, in their inbox."""
Counts = Mapping[str, Mapping[str, float]]
"""What is not 0 (a rate: not null) in the row of an agency, or in that of the whole province, `total`."""
Waits = Mapping[str, str | None]
"""The local time of each task's next moment."""


@dataclass
class Story:
    """What has happened so far, and what everyone should find because of it."""

    stack: RunningStack
    ids: dict[str, str] = field(default_factory=dict)
    told: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: {name: Counter() for name in EVERYBODY})
    counts: dict[str, Mapping[str, float]] = field(default_factory=dict)
    waits: dict[str, str | None] = field(default_factory=dict)
    summaries: list[dict[str, Any]] = field(default_factory=list)

    def it_is(self, day: str) -> None:
        self.stack.set_time(f"{day}T09:00:00")

    async def asked(self, username: str, task: str, act: str, body: Mapping[str, Any]) -> httpx2.Response:
        return await self.stack.as_(username).post(f"/v1/tasks/{self.ids[task]}/{act}", body)

    async def act(self, username: str, task: str, act: str, **body: Any) -> dict[str, Any]:
        """Let someone do something, and return the task after it."""
        return expect(200, await self.asked(username, task, act, body))

    async def refused(self, username: str, task: str, act: str, **body: Any) -> str:
        """Let someone try something that the rules forbid, and return the problem's code."""
        return str(expect(409, await self.asked(username, task, act, body))["code"])

    async def so(self, *, told: Told | None = None, counts: Counts | None = None, waits: Waits | None = None) -> None:
        """Hold what comes of it; what is not named is as it was before, and nobody is told anything but `told`."""
        for (task, kind), usernames in (told or {}).items():
            for username in usernames:
                self.told[username][task, kind] += 1
        self.counts.update(counts or {})
        self.waits.update(waits or {})
        await self.stack.wait_until_idle()
        await self._hold_inboxes()
        await self._hold_summaries()
        await self._hold_deadlines()

    async def _hold_inboxes(self) -> None:
        names = {task_id: name for name, task_id in self.ids.items()}
        found = {username: await self.stack.as_(username).inbox() for username in EVERYBODY}
        kinds = {
            username: Counter((names[entry["task_id"]], entry["kind"]) for entry in inbox["items"])
            for username, inbox in found.items()
        }
        assert kinds == self.told
        assert {username: inbox["unread"] for username, inbox in found.items()} == {
            username: counter.total() for username, counter in self.told.items()
        }

    async def _hold_summaries(self) -> None:
        """Leaders read every row, the heads of agencies their own alone."""
        whole = await self.stack.as_("chair").summary()
        self.summaries.append(whole)
        rows = {agency: figures for agency, figures in self.counts.items() if agency != "total"}
        assert {row["key"]: not_empty(row) for row in whole["items"]} == rows
        assert {row["key"]: row["name"] for row in whole["items"]} == {agency: AGENCIES[agency][0] for agency in rows}
        assert not_empty(whole["total"]) == self.counts["total"]
        for agency in AGENCIES:
            own = await self.stack.as_(f"head-{agency}").summary()
            assert [row["key"] for row in own["items"]] == [key for key in rows if key == agency]
            assert not_empty(own["total"]) == rows.get(agency, {})

    async def _hold_deadlines(self) -> None:
        """Assignment and deadline say the same of every task."""
        chair = self.stack.as_("chair")
        for task, next_moment in self.waits.items():
            watched = expect(200, await chair.get(f"/v1/deadlines/{self.ids[task]}", at="deadline"))
            read = expect(200, await chair.get(f"/v1/tasks/{self.ids[task]}"))
            assert watched["sequence"] == read["version"]
            for both in ("deadline", "due_kind", "due_at", "timeliness"):
                assert watched[both] == read[both], (task, both)
            assert moment(watched["next_moment"]) == (local(next_moment) if next_moment else None), task


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def not_empty(row: Mapping[str, Any]) -> dict[str, float]:
    """Leave out counts of 0 and rates over nothing; a rate of 0 says something."""
    figures = {name: value for name, value in row.items() if name not in {"key", "name"}}
    return {name: value for name, value in figures.items() if value or (value is not None and name.endswith("_rate"))}


async def test_the_story(stack: RunningStack) -> None:
    story = Story(stack)
    await the_tasks_live_to_their_end(story)
    await every_service_is_ready_and_shows_its_figures(story)


async def the_tasks_live_to_their_end(story: Story) -> None:
    await a_decision_is_assigned_to_three_agencies_by_batch(story)
    await the_agencies_receive_their_tasks(story)
    await one_task_is_refused_and_handed_to_another_agency(story)
    await the_heads_delegate_and_the_officers_work(story)
    await a_deadline_is_extended_once_and_never_twice(story)
    await finished_work_that_is_not_reported_is_reminded_of(story)
    await a_report_is_returned_and_reported_again(story)
    await the_task_is_closed_in_time(story)
    await the_deadline_of_the_others_comes_near(story)
    await the_task_that_was_handed_on_is_closed_in_time(story)
    await on_the_due_day_nothing_is_overdue(story)
    await the_deadline_passes_and_an_explanation_is_required(story)
    await a_late_task_is_not_closed_without_an_explanation(story)
    await it_is_explained_and_closed_late(story)
    await every_earlier_summary_can_be_drawn_again(story)
    await the_history_tells_it_all_in_order(story)
    await everyone_sees_their_own_tasks_and_nothing_else(story)
    await what_was_told_reads_as_a_sentence_about_the_task(story)


def row(*, rates: tuple[float, float] | None = None, **counted: int) -> dict[str, float]:
    """Return a row of the summary; `rates` are those of completion and of completion on time."""
    return counted | ({"completion_rate": rates[0], "on_time_rate": rates[1]} if rates else {})


async def a_decision_is_assigned_to_three_agencies_by_batch(story: Story) -> None:
    """The office enters the Chair's decision; a Vice Chair gives a task without a deadline."""
    batch = expect(201, await story.stack.as_("coordinator").post("/v1/task-batches", BATCH))
    assert [item["lead_agency"] for item in batch["items"]] == ["stc", "sxd", "snn"]
    own = expect(201, await story.stack.as_("vice-chair").post("/v1/tasks", OWN_TASK))
    story.ids = dict(zip(TASKS, [*(item["id"] for item in batch["items"]), own["id"]], strict=True))
    await story.so(
        told={
            (EXTENDED, "task.assigned"): {"head-stc", "clerk-stc", "head-sct", "head-vp"},
            (LATE, "task.assigned"): {"head-sxd", "clerk-sxd", "head-sct", "head-vp"},
            (HANDED_ON, "task.assigned"): {"head-snn", "clerk-snn", "head-sct", "head-vp"},
            (UNREPORTED, "task.assigned"): {"head-snn", "clerk-snn"},
        },
        counts={
            "total": row(total=4, on_track=3, no_deadline=1, not_received=4),
            "stc": row(total=1, on_track=1, not_received=1),
            "sxd": row(total=1, on_track=1, not_received=1),
            "snn": row(total=2, on_track=1, no_deadline=1, not_received=2),
        },
        waits=dict.fromkeys(TASKS, "2026-10-06T23:59:59.999"),
    )


async def the_agencies_receive_their_tasks(story: Story) -> None:
    """A clerk's receipt presents the task to the head; a head needs not be told of their own."""
    await story.act("clerk-stc", EXTENDED, "receipt")
    await story.act("head-sxd", LATE, "receipt")
    await story.act("head-snn", UNREPORTED, "receipt", note="Đã giao phòng chuyên môn")
    await story.so(
        told={(EXTENDED, "task.received"): {"head-stc"}},
        counts={
            "total": row(total=4, on_track=3, no_deadline=1, not_received=1),
            "stc": row(total=1, on_track=1),
            "sxd": row(total=1, on_track=1),
            "snn": row(total=2, on_track=1, no_deadline=1, not_received=1),
        },
        waits={EXTENDED: "2026-10-13T07:00", LATE: "2026-10-13T07:00", UNREPORTED: None},
    )


async def one_task_is_refused_and_handed_to_another_agency(story: Story) -> None:
    """The office hands it on for the Chair; the new lead had coordinated, and does so no more."""
    await story.act("head-snn", HANDED_ON, "refusal", reason="Không thuộc chức năng của Sở")
    await story.so(
        told={(HANDED_ON, "task.refused"): {"chair", "coordinator"}},
        counts={
            "total": row(total=4, on_track=3, no_deadline=1),
            "snn": row(total=2, on_track=1, no_deadline=1),
        },
        waits={HANDED_ON: None},
    )
    handed = await story.act("coordinator", HANDED_ON, "reassignment", lead_agency="sct", reason="Đúng chức năng hơn")
    assert handed["coordinating_agencies"] == []
    await story.so(
        told={(HANDED_ON, "task.reassigned"): {"head-sct", "clerk-sct", "head-snn", "head-vp"}},
        counts={
            "total": row(total=4, on_track=3, no_deadline=1, not_received=1),
            "snn": row(total=1, no_deadline=1),
            "sct": row(total=1, on_track=1, not_received=1),
        },
        waits={HANDED_ON: "2026-10-06T23:59:59.999"},
    )
    await story.act("head-sct", HANDED_ON, "receipt")
    await story.so(
        counts={"total": row(total=4, on_track=3, no_deadline=1), "sct": row(total=1, on_track=1)},
        waits={HANDED_ON: "2026-10-13T07:00"},
    )


async def the_heads_delegate_and_the_officers_work(story: Story) -> None:
    """Progress is told to nobody; at 100 % the agency has a working day to report."""
    for agency, task in (("stc", EXTENDED), ("sxd", LATE), ("snn", UNREPORTED)):
        await story.act(f"head-{agency}", task, "delegation", officer=f"officer-{agency}", instruction="Tham mưu")
    await story.so(
        told={
            (EXTENDED, "task.delegated"): {"officer-stc"},
            (LATE, "task.delegated"): {"officer-sxd"},
            (UNREPORTED, "task.delegated"): {"officer-snn"},
        }
    )
    await story.act("officer-stc", EXTENDED, "progress", percent=40, note="Đã tổng hợp 04/10 đơn vị")
    await story.act("officer-sxd", LATE, "progress", percent=30)
    await story.act("officer-snn", UNREPORTED, "progress", percent=100)
    await story.so(waits={UNREPORTED: "2026-10-06T23:59:59.999"})


async def a_deadline_is_extended_once_and_never_twice(story: Story) -> None:
    """The original deadline stays beside the new one; the second request is not even recorded."""
    await story.act("head-stc", EXTENDED, "extension", **EXTENSION)
    await story.so(
        told={(EXTENDED, "task.extension_requested"): {"chair", "coordinator"}},
        counts={
            "total": row(total=4, on_track=3, no_deadline=1, extensions_requested=1),
            "stc": row(total=1, on_track=1, extensions_requested=1),
        },
    )
    granted = await story.act("chair", EXTENDED, "extension/decision", approved=True)
    assert (granted["deadline"], granted["original_deadline"]) == ("2026-10-30", "2026-10-16")
    await story.so(
        told={(EXTENDED, "task.extension_approved"): {"head-stc", "clerk-stc"}},
        counts={
            "total": row(total=4, on_track=3, no_deadline=1, extensions_requested=1, extensions_approved=1),
            "stc": row(total=1, on_track=1, extensions_requested=1, extensions_approved=1),
        },
        waits={EXTENDED: "2026-10-27T07:00"},
    )
    again = {"new_deadline": "2026-11-13", "reason": "Khối lượng công việc lớn"}
    assert await story.refused("head-stc", EXTENDED, "extension", **again) == "extension-already-used"
    await story.so()


async def finished_work_that_is_not_reported_is_reminded_of(story: Story) -> None:
    """The work is at 100 % since Monday; the term to report it ended with Tuesday."""
    story.it_is("2026-10-07")
    await story.so(
        told={(UNREPORTED, "deadline.report_missing"): {"head-snn", "clerk-snn", "officer-snn"}},
        counts={
            "total": whole_province(on_track=3),
            "snn": row(total=1, no_deadline=1, finished_unreported=1),
        },
        waits={UNREPORTED: None},
    )


def whole_province(*, rates: tuple[float, float] | None = None, **changing: int) -> dict[str, float]:
    """Return the row of the whole province from here on: some of its figures change no more."""
    return row(
        total=4,
        no_deadline=1,
        finished_unreported=1,
        extensions_requested=1,
        extensions_approved=1,
        rates=rates,
        **changing,
    )


async def a_report_is_returned_and_reported_again(story: Story) -> None:
    """A returned report counts as none; the term to report work that stays at 100 % starts anew."""
    await story.act("officer-stc", EXTENDED, "progress", percent=100)
    await story.act("head-stc", EXTENDED, "report", summary="Đã giải ngân 62,5%", finished_on="2026-10-07")
    await story.so(
        told={(EXTENDED, "task.reported"): {"chair", "coordinator"}},
        counts={
            "total": whole_province(on_track=3, awaiting_acceptance=1),
            "stc": extended(on_track=1, awaiting_acceptance=1),
        },
        waits={EXTENDED: None},
    )
    await story.act("chair", EXTENDED, "report/decision", accepted=False, reason="Chưa nêu nguyên nhân")
    await story.so(
        told={(EXTENDED, "task.report_returned"): {"head-stc", "clerk-stc", "officer-stc"}},
        counts={
            "total": whole_province(on_track=3, reports_returned=1),
            "stc": extended(on_track=1, reports_returned=1),
        },
        waits={EXTENDED: "2026-10-08T23:59:59.999"},
    )
    await story.act("head-stc", EXTENDED, "report", summary="Đã giải ngân 62,5%; vướng mắc về mặt bằng")
    await story.so(
        told={(EXTENDED, "task.reported"): {"chair", "coordinator"}},
        counts={
            "total": whole_province(on_track=3, reports_returned=1, awaiting_acceptance=1),
            "stc": extended(on_track=1, reports_returned=1, awaiting_acceptance=1),
        },
        waits={EXTENDED: None},
    )


def extended(*, rates: tuple[float, float] | None = None, **changing: int) -> dict[str, float]:
    """Return the row of the one agency whose deadline was extended."""
    return row(total=1, extensions_requested=1, extensions_approved=1, rates=rates, **changing)


async def the_task_is_closed_in_time(story: Story) -> None:
    """The office accepts for the Chair; those who coordinate and monitor hear of it."""
    closed = await story.act("coordinator", EXTENDED, "report/decision", accepted=True)
    assert (closed["stage"], closed["timeliness"]) == ("completed", "completed_on_time")
    await story.so(
        told={(EXTENDED, "task.completed"): {"head-stc", "clerk-stc", "officer-stc", "head-sct", "head-vp"}},
        counts={
            "total": whole_province(on_track=2, reports_returned=1, completed_on_time=1, rates=(1.0, 1.0)),
            "stc": extended(completed_on_time=1, reports_returned=1, rates=(1.0, 1.0)),
        },
    )


async def the_deadline_of_the_others_comes_near(story: Story) -> None:
    """On Tuesday three working days are left: Wednesday, Thursday, Friday."""
    story.it_is("2026-10-13")
    await story.so(
        told={
            (LATE, "deadline.due_soon"): {"head-sxd", "clerk-sxd", "officer-sxd"},
            (HANDED_ON, "deadline.due_soon"): {"head-sct", "clerk-sct"},
        },
        counts={
            "total": whole_province(due_soon=2, reports_returned=1, completed_on_time=1, rates=(1.0, 1.0)),
            "sxd": row(total=1, due_soon=1),
            "sct": row(total=1, due_soon=1),
        },
        waits={LATE: "2026-10-15T07:00", HANDED_ON: "2026-10-15T07:00"},
    )


async def the_task_that_was_handed_on_is_closed_in_time(story: Story) -> None:
    """Once reported in time it is on track, however long the decision takes."""
    await story.act("head-sct", HANDED_ON, "report", summary="Đã giải ngân 71%")
    await story.so(
        told={(HANDED_ON, "task.reported"): {"chair", "coordinator"}},
        counts={
            "total": whole_province(
                on_track=1,
                due_soon=1,
                awaiting_acceptance=1,
                reports_returned=1,
                completed_on_time=1,
                rates=(1.0, 1.0),
            ),
            "sct": row(total=1, on_track=1, awaiting_acceptance=1),
        },
        waits={HANDED_ON: None},
    )
    await story.act("chair", HANDED_ON, "report/decision", accepted=True)
    await story.so(
        told={(HANDED_ON, "task.completed"): {"head-sct", "clerk-sct", "head-vp"}},
        counts={
            "total": whole_province(due_soon=1, reports_returned=1, completed_on_time=2, rates=(1.0, 1.0)),
            "sct": row(total=1, completed_on_time=1, rates=(1.0, 1.0)),
        },
    )


async def on_the_due_day_nothing_is_overdue(story: Story) -> None:
    """Nothing ran on Thursday: the reminder of that day is not sent beside today's."""
    story.it_is("2026-10-16")
    await story.so(
        told={(LATE, "deadline.due_today"): {"head-sxd", "clerk-sxd", "officer-sxd"}},
        counts={
            "total": whole_province(due_today=1, reports_returned=1, completed_on_time=2, rates=(1.0, 1.0)),
            "sxd": row(total=1, due_today=1),
        },
        waits={LATE: "2026-10-16T23:59:59.999"},
    )


async def the_deadline_passes_and_an_explanation_is_required(story: Story) -> None:
    """Its term of three working days runs from the miss, at the end of Friday."""
    story.it_is("2026-10-19")
    await story.stack.wait_until_idle()
    missed = expect(200, await story.stack.as_("head-sxd").get(f"/v1/tasks/{story.ids[LATE]}"))
    assert moment(missed["missed_at"]) == moment(missed["due_at"]) == local("2026-10-16T23:59:59.999")
    assert missed["explanation"]["state"] == "required"
    assert moment(missed["explanation"]["due_at"]) == local("2026-10-21T23:59:59.999")
    await story.so(
        told={(LATE, "task.explanation_required"): {"head-sxd", "clerk-sxd", "officer-sxd", "head-vp"}},
        counts={
            "total": one_missed(overdue=1, explanations_due=1, rates=(0.6667, 0.6667)),
            "sxd": row(total=1, overdue=1, missed=1, explanations_due=1, rates=(0.0, 0.0)),
        },
        waits={LATE: "2026-10-21T23:59:59.999"},
    )


def one_missed(*, rates: tuple[float, float], **changing: int) -> dict[str, float]:
    """Return the row of the whole province once two tasks are closed in time and the third has missed its deadline."""
    return whole_province(reports_returned=1, completed_on_time=2, missed=1, rates=rates, **changing)


async def a_late_task_is_not_closed_without_an_explanation(story: Story) -> None:
    """A report that comes late leaves the task overdue."""
    await story.act("head-sxd", LATE, "report", summary="Đã giải ngân 58%")
    await story.so(
        told={(LATE, "task.reported"): {"chair", "coordinator"}},
        counts={
            "total": one_missed(overdue=1, explanations_due=1, awaiting_acceptance=1, rates=(0.6667, 0.6667)),
            "sxd": row(total=1, overdue=1, missed=1, explanations_due=1, awaiting_acceptance=1, rates=(0.0, 0.0)),
        },
    )
    assert await story.refused("chair", LATE, "report/decision", accepted=True) == "explanation-required"
    await story.so()


async def it_is_explained_and_closed_late(story: Story) -> None:
    """What is late stays late, and the miss stays counted."""
    await story.act("head-sxd", LATE, "explanation", **EXPLANATION)
    await story.so(
        told={(LATE, "task.explanation_submitted"): {"chair", "coordinator"}},
        counts={
            "total": one_missed(overdue=1, awaiting_acceptance=1, rates=(0.6667, 0.6667)),
            "sxd": row(total=1, overdue=1, missed=1, awaiting_acceptance=1, rates=(0.0, 0.0)),
        },
        waits={LATE: None},
    )
    await story.act("chair", LATE, "explanation/decision", accepted=True, directive="Các xã bàn giao trước ngày 31/10")
    await story.so(told={(LATE, "task.explanation_accepted"): {"head-sxd", "clerk-sxd"}})
    closed = await story.act("chair", LATE, "report/decision", accepted=True)
    assert (closed["stage"], closed["timeliness"]) == ("completed", "completed_late")
    await story.so(
        told={(LATE, "task.completed"): {"head-sxd", "clerk-sxd", "officer-sxd", "head-sct", "head-vp"}},
        counts={
            "total": one_missed(completed_late=1, rates=(1.0, 0.6667)),
            "sxd": row(total=1, completed_late=1, missed=1, rates=(1.0, 0.0)),
        },
    )


async def every_earlier_summary_can_be_drawn_again(story: Story) -> None:
    chair = story.stack.as_("chair")
    for earlier in story.summaries:
        again = await chair.summary(as_of=earlier["as_of"])
        assert again == earlier


HISTORIES: Final[Mapping[str, list[tuple[str, str] | tuple[str, str, str]]]] = {
    EXTENDED: [
        ("assigned", "coordinator", "chair"),
        ("received", "clerk-stc"),
        ("delegated", "head-stc"),
        ("progressed", "officer-stc"),
        ("extension_requested", "head-stc"),
        ("extension_approved", "chair"),
        ("progressed", "officer-stc"),
        ("reported", "head-stc"),
        ("report_returned", "chair"),
        ("reported", "head-stc"),
        ("completed", "coordinator", "chair"),
    ],
    LATE: [
        ("assigned", "coordinator", "chair"),
        ("received", "head-sxd"),
        ("delegated", "head-sxd"),
        ("progressed", "officer-sxd"),
        ("explanation_required", "system"),
        ("reported", "head-sxd"),
        ("explanation_submitted", "head-sxd"),
        ("explanation_accepted", "chair"),
        ("completed", "chair"),
    ],
    HANDED_ON: [
        ("assigned", "coordinator", "chair"),
        ("refused", "head-snn"),
        ("reassigned", "coordinator", "chair"),
        ("received", "head-sct"),
        ("reported", "head-sct"),
        ("completed", "chair"),
    ],
    UNREPORTED: [
        ("assigned", "vice-chair"),
        ("received", "head-snn"),
        ("delegated", "head-snn"),
        ("progressed", "officer-snn"),
    ],
}
"""What was done, by whom, and for whom where someone acted for another."""


async def the_history_tells_it_all_in_order(story: Story) -> None:
    auditor = story.stack.as_("auditor")
    for task, expected in HISTORIES.items():
        answer = expect(200, await auditor.get(f"/v1/tasks/{story.ids[task]}/history", limit=200))
        entries = answer["items"]
        assert [
            (entry["act"], entry["by"]) + ((entry["acting_for"],) if entry["acting_for"] else ()) for entry in entries
        ] == expected
        assert [(entry["role"], entry["agency"]) for entry in entries] == [
            PEOPLE.get(by, (None, None)) for _, by, *_ in expected
        ]
        assert [entry["sequence"] for entry in entries] == list(range(1, len(expected) + 1))
        times = [datetime.fromisoformat(entry["at"]) for entry in entries]
        assert times == sorted(times)


SEE_EVERY_TASK: Final = frozenset({"chair", "vice-chair", "coordinator", "other-coordinator", "auditor"})
MONITOR_AND_COORDINATE: Final = frozenset({"head-vp", "clerk-vp", "head-sct", "clerk-sct"})
SEEN_BY: Final[Mapping[str, frozenset[str]]] = {
    EXTENDED: SEE_EVERY_TASK | MONITOR_AND_COORDINATE | {"head-stc", "clerk-stc", "program-stc", "officer-stc"},
    LATE: SEE_EVERY_TASK | MONITOR_AND_COORDINATE | {"head-sxd", "clerk-sxd", "officer-sxd"},
    HANDED_ON: SEE_EVERY_TASK | MONITOR_AND_COORDINATE,
    UNREPORTED: SEE_EVERY_TASK | {"head-snn", "clerk-snn", "officer-snn"},
}
WITHOUT_SUMMARY: Final = {"officer-stc", "idle-officer-stc", "officer-sxd", "officer-snn", ADMINISTRATOR}


def _pages_of(task_id: str) -> Iterator[tuple[str, str]]:
    yield "assignment", f"/v1/tasks/{task_id}"
    yield "assignment", f"/v1/tasks/{task_id}/history"
    yield "deadline", f"/v1/deadlines/{task_id}"


async def everyone_sees_their_own_tasks_and_nothing_else(story: Story) -> None:
    """What is outside one's sight is not found, whoever asks for it and whatever they want to do."""
    for username in EVERYBODY:
        caller = story.stack.as_(username)
        listed = expect(200, await caller.get("/v1/tasks", limit=200))
        seen = {story.ids[task] for task, viewers in SEEN_BY.items() if username in viewers}
        assert {item["id"] for item in listed["items"]} == seen, username
        for task_id in story.ids.values():
            for service, path in _pages_of(task_id):
                expect(200 if task_id in seen else 404, await caller.get(path, at=service))
        expect(403 if username in WITHOUT_SUMMARY else 200, await caller.get("/v1/summary", at="reporting"))
    for username in ("idle-officer-stc", "officer-stc", "head-snn", "clerk-sxd", ADMINISTRATOR):
        expect(404, await story.asked(username, HANDED_ON, "progress", {"percent": 50}))
    await story.so()


async def what_was_told_reads_as_a_sentence_about_the_task(story: Story) -> None:
    head = story.stack.as_("head-snn")
    task_id = story.ids[UNREPORTED]
    reminded, *_ = (await head.inbox(task_id=task_id))["items"]
    assert reminded["kind"] == "deadline.report_missing"
    assert OWN_TASK["title"] in reminded["text"]
    assert reminded["link"].endswith(f"/v1/tasks/{task_id}")


async def every_service_is_ready_and_shows_its_figures(story: Story) -> None:
    chair = story.stack.as_("chair")
    for service in story.stack.services.urls:
        assert expect(200, await chair.get("/health/ready", at=service)) == {
            "status": "ready",
            "parts": {"mongodb": "up", "rabbitmq": "up"},
        }
        figures = await _figures(story, service)
        assert figures["dondoc_http_requests_total", service] > 0
        assert figures["dondoc_messages_handled_total", service] > 0
    for service in ("assignment", "deadline"):
        await wait_until(partial(_outbox_is_empty, story, service), f"the outbox of {service} is shown to be empty")
        assert (await _figures(story, service))["dondoc_events_published_total", service] > 0
    assert (await _figures(story, "reporting"))["dondoc_tasks", "completed_late"] == 1


async def _outbox_is_empty(story: Story, service: str) -> bool:
    figures = await _figures(story, service)
    shown = [figures[name, service] for name in ("dondoc_outbox_pending", "dondoc_outbox_oldest_seconds")]
    return shown == [0, 0]


async def _figures(story: Story, service: str) -> dict[tuple[str, str], float]:
    """Return the sum of each metric's samples, by its name and the service (or else timeliness) it names."""
    chair = story.stack.as_("chair")
    text = (await chair.get("/metrics", at=service)).text
    figures: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, _subject(sample)
            figures[key] = figures.get(key, 0) + sample.value
    return figures


def _subject(sample: Sample) -> str:
    return sample.labels.get("service") or sample.labels.get("timeliness") or ""
