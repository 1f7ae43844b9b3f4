"""A task driven through any acts by anyone at any moment: what holds whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.assignment.tasks.rules import explanation, extension, handover, limits, receipt, report, work
from services.assignment.tasks.rules.act_table import ACT_TABLE
from services.assignment.tasks.rules.assigning import Assign, assigned
from services.assignment.tasks.rules.context import Command, Context
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.limits import MOST, Most, is_full
from services.assignment.tasks.rules.state import HistoryEntry, Quota, Task
from services.assignment.tasks.rules.tally import is_counted, quota_of, tally_of
from services.assignment.tasks.rules.task import allowed_acts, begin, decide, evolve, replay, settle, take_back
from services.assignment.tasks.rules.waiting import (
    counted_keys,
    due_key,
    duty_of,
    key_of,
    kind_key,
    list_keys,
    list_of,
)
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.refusal import Code, Refusal
from shared.office.timeliness import Horizon, horizon, timeliness
from shared.office.vocabulary import Cause, DueKind, ExplanationState, ExtensionState, Role, Stage, Timeliness, WaitKind
from shared.office.workdays import WorkCalendar
from tests.support.waiting_oracle import ACT_OF, WaitingOracle, has_duty, kinds_for

POLICY: Final = Policy()
CALENDAR: Final = WorkCalendar(POLICY)
START: Final = datetime(2026, 3, 2, 2, tzinfo=UTC)  # Monday 09:00 in Hà Nội
AGENCIES: Final = ("A", "B", "C")
OFFICERS: Final = {f"officer-{code}": Principal(f"officer-{code}", Role.OFFICER, code) for code in AGENCIES}
PEOPLE: Final = (
    Principal("leader", Role.LEADER),
    Principal("other-leader", Role.LEADER),
    Principal("coordinator", Role.COORDINATOR, "OFFICE"),
    Principal("auditor", Role.AUDITOR),
    Principal("administrator", Role.ADMINISTRATOR),
    *(Principal(f"{role}-{code}", role, code) for role in (Role.HEAD, Role.CLERK, Role.OFFICER) for code in AGENCIES),
    Principal("program-A", Role.SERVICE, "A", frozenset({"tasks:act"})),
)
ACTS_DONE: Final = Counter[str]()
FULL: Final = Counter[str]()
"""The acts that were refused because the task was full."""
LEFT: Final = Counter[Stage]()
"""The stages in which an officer has left."""
JUDGED_BY_BODY: Final = frozenset({Code.VALIDATION, Code.NOTHING_TO_CHANGE, Code.EXPLANATION_REQUIRED})
"""The refusals of an allowed act: the body decides."""
LIMITED: Final = frozenset(
    {"correction", "reassignment", "delegation", "progress", "contribution", "extension", "urging"}
)
FEW: Final = 2
CLOSES: Final = ("report", "recall", "explanation")
VALUES_SEEN: Final = Counter[Timeliness]()

_later = st.integers(5, 60).map(lambda days: (START + timedelta(days=days)).date())
_moments = st.integers(24, 24 * 60).map(lambda hours: START + timedelta(hours=hours))
_terms = _later.map(lambda day: RequestedDeadline(day=day)) | _moments.map(
    lambda moment: RequestedDeadline(moment=moment)
)
_yes = st.booleans()
EXPLAINED: Final = explanation.Explain(Cause.RESOURCES, "thiếu kinh phí", "bổ sung")
BODIES: Final[dict[str, st.SearchStrategy[Command]]] = {
    "receipt": st.just(receipt.Receive()),
    "refusal": st.just(receipt.Refuse("không thuộc thẩm quyền")),
    "reassignment": st.sampled_from(AGENCIES).map(lambda code: handover.Reassign(code, "đúng thẩm quyền")),
    "correction": st.sampled_from(AGENCIES).map(
        lambda code: handover.Correct("bổ sung", {"coordinating_agencies": (code,), "monitor": None})
    ),
    "deadline": _terms.map(lambda term: extension.SetDeadline(term, "ấn định")),
    "delegation": st.sampled_from(sorted(OFFICERS)).map(lambda name: work.Delegate(name, "thực hiện")),
    "progress": st.sampled_from((0, 50, 100)).map(work.MakeProgress),
    "contribution": st.just(work.Contribute("ý kiến")),
    "extension": _terms.map(lambda term: extension.AskExtension(term, "cần thêm thời gian")),
    "extension/decision": st.tuples(_yes, st.none() | _terms).map(
        lambda pair: extension.DecideExtension(pair[0], "ý kiến", pair[1] if pair[0] else None)
    ),
    "report": st.just(report.SubmitReport("đã xong")),
    "report/decision": _yes.map(lambda accepted: report.DecideReport(accepted, "ý kiến")),
    "explanation": st.just(EXPLAINED),
    "explanation/decision": _yes.map(lambda accepted: explanation.DecideExplanation(accepted, "ý kiến")),
    "recall": st.just(handover.Recall("không còn phù hợp")),
    "urging": st.just(work.Urge("đề nghị khẩn trương")),
}


def context_of(caller: Principal, now: datetime) -> Context:
    return Context(
        now=now, calendar=CALENDAR, policy=POLICY, caller=caller, agencies=frozenset(AGENCIES), accounts=OFFICERS
    )


def after(task: Task, entries: Iterable[HistoryEntry]) -> Task:
    for entry in entries:
        task = evolve(task, entry)
    return task


def timeless(task: Task) -> Task:
    """Leave out what may differ with the moment at which a miss is recorded."""
    return replace(task, version=0, updated_at=START)


def hold_of_a_step(before: Task, entry: HistoryEntry, then: Task) -> None:
    """Hold what one entry may do: a missed task closes explained, a late report leaves a request waiting."""
    if entry.act == "completed" and before.missed_at is not None:
        assert before.explanation.state in {ExplanationState.SUBMITTED, ExplanationState.ACCEPTED}
    if entry.act == "reported" and before.pending_request is not None:
        assert (then.pending_request is not None) is before.is_past_due(entry.at)


LIMITED_FACTS: Final = {"delegation": "delegated", "progress": "progressed", "reassignment": "reassigned"}
"""The acts that a task may wait for though it takes no more of them: the head may report, the decider recall."""


def hold_of_waiting(task: Task, expected: WaitingOracle, value: Timeliness, at: Horizon) -> None:
    """Hold for everybody: what the task waits for and since when, in which lists it stands, as what it is counted."""
    lists, counted = list_keys(task), counted_keys(task)
    for who in PEOPLE:
        since = expected.since[who.username]
        waits = {wait.kind: wait.since for wait in task.waits if wait.key == key_of(who)}
        assert (list(waits), waits) == (list(since), since)
        assert (list_of(who, "me") in lists) is bool(since)
        assert (list_of(who, "others") in lists) is (has_duty(task, who) and not since)
        assert {kind for kind in WaitKind if kind_key(key_of(who), kind) in counted} == {*since}
        by_due = timeliness(Stage.ASSIGNED, task.due_at, None, at) if due_key(duty_of(who)) in counted else None
        for one in (Timeliness.DUE_SOON, Timeliness.DUE_TODAY, Timeliness.OVERDUE):
            assert (by_due is one) is (has_duty(task, who) and value is one)
    assert len(lists) == len(set(lists))
    is_open = task.stage not in {Stage.COMPLETED, Stage.RECALLED}
    assert any(expected.since.values()) or not is_open, "an open task always waits for somebody"


class TaskLife(RuleBasedStateMachine):
    """Three worlds live the same life; in each `deadline.missed` arrives differently: at once, at times, never."""

    worlds: dict[str, Task]
    histories: dict[str, list[HistoryEntry]]
    now: datetime

    @initialize(deadline=st.just(RequestedDeadline()) | _terms, used=st.sampled_from((False, False, False, True)))
    def assign(self, deadline: RequestedDeadline, used: bool) -> None:
        self.now = START - timedelta(hours=1)
        context = context_of(PEOPLE[0], self.now)
        recalled = assigned("old", begin(Assign(title="cũ", lead_agency="A"), None, context))
        state = ExtensionState.USED if used else ExtensionState.NONE
        old = replace(recalled, stage=Stage.RECALLED, extension=replace(recalled.extension, state=state))
        act = Assign(title="Nhiệm vụ", lead_agency="A", coordinating_agencies=("B",), deadline=deadline, replaces="old")
        first = begin(act, old, context)
        self.granted_before = used
        self.worlds = {name: assigned("task", first) for name in ("at once", "at times", "never")}
        self.histories = {name: [first] for name in self.worlds}
        self.waiting = WaitingOracle(PEOPLE)
        self.waiting.note(self.worlds["never"], first)

    @rule(hours=st.sampled_from((1, 8, 24, 3 * 24, 10 * 24)))
    def time_passes(self, hours: int) -> None:
        """Move the clock; in one world the miss is announced the moment the deadline passes."""
        until = self.now + timedelta(hours=hours)
        due = self.worlds["at once"].due_at
        if due is not None and self.now <= due < until:
            self.now = due + timedelta(milliseconds=1)
            self._settle("at once")
        self.now = until

    @rule()
    def the_miss_is_announced(self) -> None:
        """Announce it late, or once more."""
        self._settle("at times")

    @rule(data=st.data(), caller=st.sampled_from(PEOPLE))
    def anyone_acts(self, data: st.DataObject, caller: Principal) -> None:
        name = data.draw(st.sampled_from(sorted(ACT_TABLE)))
        self._act(name, data.draw(BODIES[name]), caller)

    @rule(data=st.data())
    def someone_does_what_is_allowed(self, data: st.DataObject) -> None:
        """Go where random acts seldom lead."""
        task = self.worlds["never"]
        allowed = [(name, who) for who in PEOPLE for name in allowed_acts(task, context_of(who, self.now))]
        if allowed:
            name, who = data.draw(st.sampled_from(allowed))
            self._act(name, data.draw(BODIES[name]), who)

    @rule()
    def the_head_delegates(self) -> None:
        lead = self.worlds["never"].lead_agency
        self._act("delegation", work.Delegate(f"officer-{lead}", "thực hiện"), self._head())

    @precondition(lambda self: self.worlds["never"].due_at is not None)
    @rule(days=st.integers(1, 20))
    def the_head_asks_for_more_time(self, days: int) -> None:
        later = (self.worlds["never"].due_at or self.now) + timedelta(days=days)
        self._act("receipt", receipt.Receive(), self._head())
        self._act(
            "extension", extension.AskExtension(RequestedDeadline(moment=later), "cần thêm thời gian"), self._head()
        )

    @precondition(lambda self: self.worlds["never"].stage in {Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS})
    @rule(name=st.sampled_from(("receipt", "report", "explanation")), data=st.data())
    def the_head_does_the_expected(self, name: str, data: st.DataObject) -> None:
        self._act(name, data.draw(BODIES[name]), self._head())

    @precondition(lambda self: self.worlds["never"].due_at is None)
    @rule(days=st.integers(1, 20))
    def the_leader_sets_a_deadline(self, days: int) -> None:
        term = RequestedDeadline(day=(self.now + timedelta(days=days)).date())
        self._act("deadline", extension.SetDeadline(term, "ấn định"), PEOPLE[0])

    @rule(name=st.sampled_from(("reassignment", "correction", "urging", "explanation/decision")), data=st.data())
    def the_leader_does_the_expected(self, name: str, data: st.DataObject) -> None:
        self._act(name, data.draw(BODIES[name]), PEOPLE[0])

    @precondition(lambda self: self.worlds["never"].pending_request is not None)
    @rule()
    def the_head_reports_while_the_request_waits(self) -> None:
        self._let_the_term_end()
        self._act("report", report.SubmitReport("đã xong"), self._head())

    @precondition(lambda self: self.worlds["never"].pending_request is not None)
    @rule(approved=_yes, late=_yes)
    def the_request_is_decided(self, approved: bool, late: bool) -> None:
        if late:
            self._let_the_term_end()
        self._act("extension/decision", extension.DecideExtension(approved, "ý kiến"), PEOPLE[0])

    @precondition(lambda self: self.worlds["never"].is_past_due(self.now))
    @rule(explained=_yes)
    def the_late_task_is_made_good(self, explained: bool) -> None:
        self._act("receipt", receipt.Receive(), self._head())
        if explained:
            self._act("explanation", EXPLAINED, self._head())
        self._act("report", report.SubmitReport("đã xong"), self._head())
        self._act("report/decision", report.DecideReport(accepted=True), PEOPLE[0])

    @precondition(lambda self: self.worlds["never"].stage is Stage.REPORTED)
    @rule(accepted=_yes, late=_yes)
    def the_report_is_decided(self, accepted: bool, late: bool) -> None:
        if late:
            self._let_the_term_end()
        self._act("report/decision", report.DecideReport(accepted, "ý kiến"), PEOPLE[0])

    @rule()
    def the_officer_leaves(self) -> None:
        """Take the task back, as the sweep does once the account has changed."""
        officer = self.worlds["never"].officer
        for world, task in self.worlds.items():
            entries = take_back(task, officer or "officer-A", context_of(PEOPLE[0], self.now))
            assert bool(entries) is (officer is not None and task.is_open)
            self._append(world, entries)
            if entries:
                LEFT[task.stage] += 1
                assert self.worlds[world].officer is None
                assert (self.worlds[world].stage, self.worlds[world].progress) == (task.stage, task.progress)

    def _hold_what_is_allowed(self, name: str, caller: Principal, outcome: list[HistoryEntry] | Refusal) -> None:
        """Hold that an act is offered if and only if it is done, but for what its body asks for."""
        task = self.worlds["never"]
        offered = name in allowed_acts(task, context_of(caller, self.now))
        if not isinstance(outcome, Refusal):
            assert offered
        elif outcome.code is Code.TASK_FULL:
            FULL[name] += 1
            assert name not in CLOSES, "what closes a task always fits"
            assert not offered or name in {"report/decision", "explanation/decision"}, "accepting is still possible"
            assert any(self._has_used_up(fact, caller) for fact in ACT_TABLE[name].evolutions), "nobody else did"
        else:
            assert offered is (outcome.code in JUDGED_BY_BODY)

    def _has_used_up(self, fact: str, caller: Principal) -> bool:
        """Count in the history what the caller's side itself has written; of contributions, all of them too."""
        quota = quota_of(fact, caller.role)
        counted = [one for one in self.histories["never"] if is_counted(one.act)]
        written = [one for one in counted if quota_of(one.act, one.role) is quota]
        own = [one for one in written if one.agency == caller.agency]
        return len(written) >= FEW or (fact == "contributed" and len(own) >= 1)

    def _act(self, name: str, body: Command, caller: Principal) -> None:
        outcomes = {world: self._outcome(task, name, body, caller) for world, task in self.worlds.items()}
        self._hold_what_is_allowed(name, caller, outcomes["never"])
        assert len({str(outcome) for outcome in outcomes.values() if isinstance(outcome, Refusal)}) <= 1
        accepted = {world: result for world, result in outcomes.items() if not isinstance(result, Refusal)}
        assert len(accepted) in {0, len(self.worlds)}, "a miss that was told late changed what is allowed"
        for world, entries in accepted.items():
            self._append(world, entries)
            assert not settle(self.worlds[world], context_of(caller, self.now)), "an act leaves nothing to settle"
        if accepted:
            ACTS_DONE[name] += 1

    def _outcome(self, task: Task, name: str, body: Command, caller: Principal) -> list[HistoryEntry] | Refusal:
        try:
            return decide(task, name, body, context_of(caller, self.now))
        except Refusal as refusal:
            return refusal

    def _settle(self, world: str) -> None:
        self._append(world, settle(self.worlds[world], context_of(PEOPLE[0], self.now)))

    def _append(self, world: str, entries: list[HistoryEntry]) -> None:
        expected = range(len(self.histories[world]) + 1, len(self.histories[world]) + 1 + len(entries))
        assert [entry.sequence for entry in entries] == list(expected), "history only grows, one version an entry"
        self.histories[world] += entries
        for entry in entries:
            before = self.worlds[world]
            self.worlds[world] = evolve(before, entry)
            hold_of_a_step(before, entry, self.worlds[world])
            if world == "never":
                self.waiting.note(self.worlds[world], entry)

    @invariant()
    def the_end_is_the_same_whenever_the_miss_was_told(self) -> None:
        context = context_of(PEOPLE[0], self.now)
        ends = [timeless(after(task, settle(task, context))) for task in self.worlds.values()]
        assert ends[0] == ends[1] == ends[2]

    @invariant()
    def history_replays_to_the_same_task(self) -> None:
        for world, task in self.worlds.items():
            assert replay("task", self.histories[world]) == task
            assert task.version == len(self.histories[world])
            assert tally_of(self.histories[world]) == task.tally, "as a record of an earlier version gets it"

    @invariant()
    def one_extension_at_most_is_granted(self) -> None:
        granted = [entry for entry in self.histories["never"] if entry.act == "extension_approved"]
        assert len(granted) + self.granted_before <= 1

    @invariant()
    def nothing_is_missed_while_a_request_waits(self) -> None:
        for task in self.worlds.values():
            settled = after(task, settle(task, context_of(PEOPLE[0], self.now)))
            assert settled.pending_request is None or settled.missed_at is None

    @invariant()
    def the_original_deadline_is_kept(self) -> None:
        task = self.worlds["never"]
        set_by = [e for e in self.histories["never"] if e.details.get("due_kind", DueKind.NONE) is not DueKind.NONE]
        firsts = [e for e in set_by if e.act in {"assigned", "deadline_set"}]
        assert len(firsts) <= 1
        if firsts:
            assert (task.original_deadline, task.original_due_at) == (
                firsts[0].details["deadline"],
                firsts[0].details["due_at"],
            )

    @invariant()
    def a_late_close_was_missed(self) -> None:
        task = self.worlds["never"]
        value = self._timeliness(task)
        VALUES_SEEN[value] += 1
        if value is Timeliness.COMPLETED_LATE:
            assert task.missed_at is not None
            assert task.explanation.state is not ExplanationState.NONE
        if value is Timeliness.COMPLETED_ON_TIME:
            assert task.missed_at is None or task.current_submission is not None

    @invariant()
    def it_waits_for_whom_the_contract_says(self) -> None:
        task = self.worlds["never"]
        hold_of_waiting(task, self.waiting, self._timeliness(task), horizon(self.now, CALENDAR, POLICY))
        settled = after(task, settle(task, context_of(PEOPLE[0], self.now)))
        for who in PEOPLE:
            acts = {ACT_OF[kind] for kind in kinds_for(settled, who)}
            if settled.is_past_due(self.now):
                acts -= {"reassignment"}  # the decider recalls it, and assigns another
            acts -= {act for act, fact in LIMITED_FACTS.items() if is_full(settled, fact, who)}
            assert not acts or acts <= {*allowed_acts(task, context_of(who, self.now))}

    def _let_the_term_end(self) -> None:
        due = self.worlds["never"].due_at
        if due is not None and due >= self.now:
            self.time_passes((due - self.now) // timedelta(hours=1) + 1)

    def _head(self) -> Principal:
        lead = self.worlds["never"].lead_agency
        return Principal(f"head-{lead}", Role.HEAD, lead)

    def _timeliness(self, task: Task) -> Timeliness:
        at = horizon(self.now, CALENDAR, POLICY)
        return timeliness(task.stage, task.due_at, task.current_submission, at)


TaskLife.TestCase.settings = settings(max_examples=2 * settings().max_examples, stateful_step_count=40)


class TestTaskLife(TaskLife.TestCase):  # type: ignore[misc, valid-type]
    """Run the machine, then look at what it reached."""

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        super().runTest()
        assert set(ACTS_DONE) == set(ACT_TABLE), set(ACT_TABLE) - set(ACTS_DONE)
        assert set(VALUES_SEEN) == set(Timeliness), set(Timeliness) - set(VALUES_SEEN)
        assert LEFT, "no officer ever left"


class CrampedLife(TaskLife):
    """A life in which a task takes two entries of each kind, so that every limit is reached."""

    def __init__(self) -> None:
        few = {quota: Most(FEW, 10_000, of_one_agency=1 if quota is Quota.CONTRIBUTIONS else None) for quota in MOST}
        self._limits = patch.object(limits, "MOST", MappingProxyType(few))
        self._limits.start()
        super().__init__()

    def teardown(self) -> None:
        self._limits.stop()

    @rule(name=st.sampled_from(sorted(LIMITED)), data=st.data())
    def somebody_goes_on_and_on(self, name: str, data: st.DataObject) -> None:
        """Do one act again and again."""
        self._act("receipt", receipt.Receive(), self._head())
        task = self.worlds["never"]
        for caller in [one for one in PEOPLE if ACT_TABLE[name].who(task, one)]:
            for number in range(3):
                anew = handover.Correct("bổ sung", {"title": f"Lần {task.version}.{number}"})
                self._act(name, anew if name == "correction" else data.draw(BODIES[name]), caller)

    @rule()
    def the_head_asks_again_and_again(self) -> None:
        """Every request is refused."""
        self.the_leader_sets_a_deadline(20)
        for _ in range(3):
            self.the_head_asks_for_more_time(2)
            self._act("extension/decision", extension.DecideExtension(approved=False, reason="ý kiến"), PEOPLE[0])


CrampedLife.TestCase.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=40)


class TestCrampedLife(CrampedLife.TestCase):  # type: ignore[misc, valid-type]
    """Run it, then look whether every limit was reached."""

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        FULL.clear()
        super().runTest()
        assert set(FULL) >= LIMITED, LIMITED - set(FULL)
