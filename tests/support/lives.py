"""All events of a task from assignment to end, made by the rules of assignment and of deadline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.assigning import Assign, assigned
from services.assignment.tasks.rules.context import Command, Context
from services.assignment.tasks.rules.due import NO_DEADLINE, RequestedDeadline
from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.state import SYSTEM, HistoryEntry
from services.assignment.tasks.rules.task import begin, decide, evolve, settle, take_back
from services.assignment.tasks.store.records import event_of
from services.deadline.monitor import event_of_moment
from services.deadline.rules.watch import Watch, deal_with, observe
from shared.events.codec import decode, encode
from shared.events.envelope import Event
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.vocabulary import Cause, ExplanationState, Role
from tests.support.notification_events import AGENCIES, ASSIGNED_AT, CALENDAR, PEOPLE, TITLE

_ACCOUNTS: Final = {
    name: Principal(name, role, agency) for name, (role, agency) in PEOPLE.items() if role is Role.OFFICER
}
_PLACEHOLDER: Final = "the-task"
_LEADER, _HEAD, _CLERK, _OFFICER = "chu-tich", "gd-tai-chinh", "vt-tai-chinh", "cv-tai-chinh"
_OTHER_HEAD: Final = "gd-xay-dung"
_EXPLAINED: Final = explanation.Explain(Cause.WORKLOAD, "Nhiều việc cùng lúc", "Bố trí thêm người")


class Life:
    """One task that moves on with each call. `events` has what both services publish of it, in the order of time."""

    def __init__(self, deadline: RequestedDeadline = NO_DEADLINE) -> None:
        self.now = ASSIGNED_AT
        act = Assign(
            title=TITLE,
            lead_agency="so-tai-chinh",
            document=Document(number="123/QĐ-UBND-HC", issued_on=None, summary=None),
            coordinating_agencies=("so-noi-vu", "so-y-te"),
            monitor="thanh-tra",
            deadline=deadline,
        )
        first = begin(act, None, self._context(_LEADER))
        self.task = assigned(_PLACEHOLDER, first)
        self.events: list[Event[Any]] = []
        self._watch: Watch | None = None
        self._tell(first)

    def act(self, name: str, body: Command, by: str) -> Life:
        """Do an act, a minute after what came before."""
        self.now += timedelta(minutes=1)
        self._record(decide(self.task, name, body, self._context(by)))
        return self

    def pass_days(self, days: int) -> Life:
        """Let days pass. Deadline looks every hour, and assignment handles its announcements at once."""
        until = self.now + timedelta(days=days)
        while self.now < until:
            self.now += timedelta(hours=1)
            self._announce()
        return self

    def lose_officer(self) -> Life:
        """Let the officer leave the agency, a minute after what came before."""
        self.now += timedelta(minutes=1)
        self._record(take_back(self.task, str(self.task.officer), self._context(_LEADER)))
        return self

    def withdraw_explanation(self) -> Life:
        """Withdraw the miss, as a changed calendar would. No service does that yet; consumers know the event."""
        none = replace(self.task.explanation, state=ExplanationState.NONE, due_at=None)
        self.task = replace(self.task, version=self.task.version + 1, missed_at=None, explanation=none)
        self._tell(HistoryEntry(sequence=self.task.version, at=self.now, act="explanation_withdrawn", by=SYSTEM))
        return self

    def _record(self, entries: Iterable[HistoryEntry]) -> None:
        for entry in entries:
            self.task = evolve(self.task, entry)
            self._tell(entry)

    def _tell(self, entry: HistoryEntry) -> None:
        event = event_of(self.task, entry)
        self.events.append(event)
        self._watch = observe(self._watch, event.data.task, event.time) or self._watch

    def _announce(self) -> None:
        assert self._watch is not None
        self._watch, moments = deal_with(self._watch, CALENDAR, self.now)
        self.events += [event_of_moment(moment, self._watch.task, self.now) for moment in moments]
        self._record(settle(self.task, self._context(_LEADER)))

    def _context(self, username: str) -> Context:
        role, agency = PEOPLE[username]
        return Context(
            now=self.now,
            calendar=CALENDAR,
            policy=Policy(),
            caller=Principal(username, role, agency),
            agencies=frozenset(AGENCIES),
            accounts=_ACCOUNTS,
        )


def extended_and_returned() -> Life:
    """An extension is refused, another approved; the report is missing, then returned, then accepted in time."""
    day = CALENDAR.local_day(ASSIGNED_AT)
    return (
        Life(RequestedDeadline(day=day + timedelta(days=14)))
        .pass_days(2)
        .act("receipt", receipt.Receive(), _CLERK)
        .act("delegation", work.Delegate(_OFFICER, "Tham mưu"), _HEAD)
        .act("contribution", work.Contribute("Đã gửi số liệu"), "gd-noi-vu")
        .act("progress", work.MakeProgress(40), _OFFICER)
        .pass_days(8)
        .act("extension", extension.AskExtension(RequestedDeadline(day=day + timedelta(days=30)), "Chờ số liệu"), _HEAD)
        .act("extension/decision", extension.DecideExtension(approved=False, reason="Chưa đủ lý do"), _LEADER)
        .act(
            "extension", extension.AskExtension(RequestedDeadline(day=day + timedelta(days=24)), "Chờ ý kiến Bộ"), _HEAD
        )
        .act("extension/decision", extension.DecideExtension(approved=True), _LEADER)
        .act("progress", work.MakeProgress(100), _OFFICER)
        .pass_days(6)
        .act("report", report.SubmitReport("Đã hoàn thành"), _HEAD)
        .act("report/decision", report.DecideReport(accepted=False, reason="Thiếu phụ lục"), _LEADER)
        .pass_days(6)
        .act("report", report.SubmitReport("Đã bổ sung phụ lục"), _HEAD)
        .pass_days(5)
        .act("report/decision", report.DecideReport(accepted=True), _LEADER)
    )


def missed_and_explained() -> Life:
    """The deadline is missed, two explanations follow, and the task is completed late."""
    return (
        Life(RequestedDeadline(moment=ASSIGNED_AT + timedelta(days=5, hours=8)))
        .act("receipt", receipt.Receive(), _HEAD)
        .act("delegation", work.Delegate(_OFFICER, "Tham mưu"), _HEAD)
        .pass_days(6)
        .act("urging", work.Urge("Đề nghị khẩn trương"), _LEADER)
        .lose_officer()
        .pass_days(6)
        .act("explanation", _EXPLAINED, _HEAD)
        .act("explanation/decision", explanation.DecideExplanation(accepted=False, reason="Chưa rõ"), _LEADER)
        .pass_days(7)
        .act("explanation", _EXPLAINED, _HEAD)
        .act("explanation/decision", explanation.DecideExplanation(accepted=True, directive="Sở Y tế hỗ trợ"), _LEADER)
        .act("report", report.SubmitReport("Đã hoàn thành"), _HEAD)
        .act("report/decision", report.DecideReport(accepted=True), _LEADER)
    )


def handed_on_and_recalled() -> Life:
    """One agency refuses, another receives; the task is corrected, gets a deadline, and is recalled."""
    day = CALENDAR.local_day(ASSIGNED_AT)
    return (
        Life()
        .act("refusal", receipt.Refuse("Không thuộc thẩm quyền"), _HEAD)
        .act("reassignment", handover.Reassign("so-xay-dung", "Đúng chức năng hơn"), _LEADER)
        .pass_days(3)
        .act("receipt", receipt.Receive(), _OTHER_HEAD)
        .act("correction", handover.Correct("Ghi nhầm", {"field": "Đất đai"}), _LEADER)
        .act(
            "deadline",
            extension.SetDeadline(RequestedDeadline(day=day + timedelta(days=10)), "Bổ sung thời hạn"),
            _LEADER,
        )
        .pass_days(7)
        .act("urging", work.Urge("Đề nghị khẩn trương"), _LEADER)
        .pass_days(3)
        .withdraw_explanation()
        .act("recall", handover.Recall("Không còn cần"), _LEADER)
    )


LIVES: Final = {
    "extended": extended_and_returned,
    "missed": missed_and_explained,
    "handed-on": handed_on_and_recalled,
}


def lived_as(task_id: str, events: Sequence[Event[Any]]) -> list[Event[Any]]:
    """Return the same events for a task with another id."""
    return [decode(encode(event).replace(_PLACEHOLDER.encode(), task_id.encode())) for event in events]
