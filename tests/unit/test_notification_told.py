"""Random lives of a task in an office whose people come, go and change: who is told of each event.

The expectation is `expected_recipients`, the rule written a second time: it knows the task before and after each event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import hypothesis.strategies as st
from hypothesis import given, settings

from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.assigning import Assign, assigned
from services.assignment.tasks.rules.context import Command, Context
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.state import HistoryEntry, Task
from services.assignment.tasks.rules.task import allowed_acts, begin, decide, evolve, settle
from services.assignment.tasks.store.records import event_of
from services.deadline.monitor import event_of_moment
from services.deadline.rules.moments import MomentKind, WatchedMoment
from services.notification.rules.occasion import occasion_of
from services.notification.rules.routing import WITHOUT_LINK, Person, Recipient, recipients_of
from shared.events.envelope import Event
from shared.events.names import kind_of
from shared.office.access import Principal, may_see
from shared.office.policy import Policy
from shared.office.refusal import Refusal
from shared.office.vocabulary import Cause, Role
from shared.office.workdays import WorkCalendar
from tests.support.expected_recipients import usernames_notified

POLICY: Final = Policy()
CALENDAR: Final = WorkCalendar(POLICY)
START: Final = datetime(2026, 3, 2, 2, tzinfo=UTC)
AGENCIES: Final = ("A", "B", "C", "D")
PEOPLE: Final = (
    Person("leader", Role.LEADER),
    Person("other-leader", Role.LEADER),
    Person("coordinator", Role.COORDINATOR, "D"),
    Person("other-coordinator", Role.COORDINATOR, "D"),
    Person("auditor", Role.AUDITOR),
    *(Person(f"{role}-{code}", role, code) for role in (Role.HEAD, Role.CLERK, Role.OFFICER) for code in AGENCIES),
    *(Person(f"second-{code}", Role.OFFICER, code) for code in AGENCIES),
    Person("program-A", Role.SERVICE, "A"),
)
TOLD_AS: Final = Counter[Recipient]()

_codes = st.sampled_from(AGENCIES)
_yes = st.booleans()
_later = st.integers(3, 40).map(lambda days: RequestedDeadline(day=(START + timedelta(days=days)).date()))
_helping = st.fixed_dictionaries(
    {"coordinating_agencies": st.sets(_codes, max_size=2).map(lambda codes: tuple(sorted(codes)))},
    optional={"monitor": st.none() | _codes},
)
BODIES: Final[dict[str, st.SearchStrategy[Command]]] = {
    "receipt": st.just(receipt.Receive()),
    "refusal": st.just(receipt.Refuse("không thuộc thẩm quyền")),
    "reassignment": _codes.map(lambda code: handover.Reassign(code, "đúng thẩm quyền")),
    "correction": _helping.map(lambda changes: handover.Correct("bổ sung", changes)),
    "deadline": _later.map(lambda term: extension.SetDeadline(term, "ấn định")),
    "delegation": st.tuples(st.sampled_from(("officer", "second")), _codes).map(
        lambda pair: work.Delegate(f"{pair[0]}-{pair[1]}", "thực hiện")
    ),
    "progress": st.just(work.MakeProgress(50)),
    "contribution": st.just(work.Contribute("ý kiến")),
    "extension": _later.map(lambda term: extension.AskExtension(term, "cần thêm thời gian")),
    "extension/decision": _yes.map(lambda approved: extension.DecideExtension(approved, "ý kiến")),
    "report": st.just(report.SubmitReport("đã xong")),
    "report/decision": _yes.map(lambda accepted: report.DecideReport(accepted, "ý kiến")),
    "explanation": st.just(explanation.Explain(Cause.RESOURCES, "thiếu kinh phí", "bổ sung")),
    "explanation/decision": _yes.map(lambda accepted: explanation.DecideExplanation(accepted, "ý kiến")),
    "recall": st.just(handover.Recall("không còn phù hợp")),
    "urging": st.just(work.Urge("đề nghị khẩn trương")),
}


@dataclass
class Office:
    """A task, the people at that moment, and what must hold of each event."""

    people: dict[str, Person] = field(default_factory=lambda: {one.username: one for one in PEOPLE})
    now: datetime = START
    task: Task | None = None

    def assign(self, by: str, act: Assign) -> None:
        first = begin(act, None, self._context(self.people[by]))
        self.task = assigned("task", first)
        self._hold(event_of(self.task, first), None)

    def act(self, data: st.DataObject) -> None:
        """Let somebody do one of the acts that are allowed then; the rules may refuse its body."""
        assert self.task is not None
        allowed = [
            (name, who)
            for who in self.people.values()
            if not who.disabled
            for name in allowed_acts(self.task, self._context(who))
        ]
        if not allowed:
            return
        name, who = data.draw(st.sampled_from(allowed))
        self._try(name, data.draw(BODIES[name]), who)

    def delegate(self, officer: str) -> None:
        """Let the head of the lead receive the task and delegate it, which random acts seldom do."""
        assert self.task is not None
        lead = self.task.lead_agency
        head = Person("acting-head", Role.HEAD, lead)
        self._try("receipt", receipt.Receive(), head)
        self._try("delegation", work.Delegate(f"{officer}-{lead}", "thực hiện"), head)

    def correct(self, body: Command) -> None:
        """Let a leader correct the agencies, which random acts seldom do."""
        self._try("correction", body, Person("leader", Role.LEADER))

    def _try(self, name: str, body: Command, who: Person) -> None:
        assert self.task is not None
        try:
            entries = decide(self.task, name, body, self._context(who))
        except Refusal:
            return
        self._record(entries)

    def pass_days(self, days: int) -> None:
        """Let time pass, and every reminder come."""
        assert self.task is not None
        self.now += timedelta(days=days)
        self._record(settle(self.task, self._context(self.people["leader"])))
        for kind in MomentKind:
            moment = WatchedMoment(self.now, kind)
            self._hold(event_of_moment(moment, event_of(self.task, _last(self.task)).data.task, self.now), None)

    def change(self, username: str, change: dict[str, Any]) -> None:
        self.people[username] = replace(self.people[username], **change)

    def _record(self, entries: Iterable[HistoryEntry]) -> None:
        for entry in entries:
            before, self.task = self.task, evolve(self.task, entry)  # type: ignore[arg-type]
            self._hold(event_of(self.task, entry), before)

    def _hold(self, event: Event[Any], before: Task | None) -> None:
        occasion = occasion_of(event)
        told = recipients_of(occasion, list(self.people.values()))
        TOLD_AS.update(told.values())
        act = getattr(event.data, "act", None)
        accounts = [
            {"_id": one.username, "role": one.role.value, "agency": one.agency, "disabled": one.disabled}
            for one in self.people.values()
        ]
        task = event.data.task if act else event.data
        assert set(told) == usernames_notified(accounts, kind_of(event.type), task, act, before)
        assert occasion.by not in told
        for username, recipient in told.items():
            person = self.people[username]
            assert not person.disabled
            assert recipient in WITHOUT_LINK or may_see(Principal(username, person.role, person.agency), occasion)

    def _context(self, who: Person) -> Context:
        officers = {
            one.username: Principal(one.username, one.role, one.agency)
            for one in self.people.values()
            if not one.disabled
        }
        caller = Principal(who.username, who.role, who.agency)
        return Context(
            now=self.now,
            calendar=CALENDAR,
            policy=POLICY,
            caller=caller,
            agencies=frozenset(AGENCIES),
            accounts=officers,
        )


def _last(task: Task) -> HistoryEntry:
    return HistoryEntry(sequence=task.version, at=task.updated_at, act="corrected", by="leader")


# Officers stay where they are: whoever leaves an agency loses the tasks by an act of its own.
_changes: Final[st.SearchStrategy[tuple[str, dict[str, Any]]]] = st.tuples(
    st.sampled_from([one.username for one in PEOPLE if one.role is not Role.OFFICER]),
    st.sampled_from(
        (
            {"disabled": True},
            {"disabled": False},
            {"role": Role.COORDINATOR, "agency": "D"},
            {"role": Role.HEAD, "agency": "B"},
            {"role": Role.CLERK, "agency": "C"},
            {"role": Role.OFFICER, "agency": "A"},
            {"role": Role.AUDITOR, "agency": None},
            {"role": Role.LEADER, "agency": None},
        )
    ),
)
_first = st.fixed_dictionaries(
    {"deadline": _later, "monitor": st.none() | st.just("D")},
    optional={"coordinating_agencies": st.just(("B", "C"))},
)


STEPS: Final = ("act", "act", "act", "delegate", "correct", "change", "time passes")


@given(st.data(), st.sampled_from(("leader", "coordinator")), _first)
@settings(max_examples=40)
def test_exactly_those_are_told_whom_the_office_names_and_who_may_see_the_task(
    data: st.DataObject, by: str, first: dict[str, Any]
) -> None:
    office = Office()
    office.assign(by, Assign(title="Nhiệm vụ", lead_agency="A", assigner="leader", **first))
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=4, max_size=15)):
        match step:
            case "act":
                office.act(data)
            case "delegate":
                office.delegate(data.draw(st.sampled_from(("officer", "second"))))
            case "correct":
                office.correct(data.draw(BODIES["correction"]))
            case "change":
                office.change(*data.draw(_changes))
            case _:
                office.pass_days(data.draw(st.integers(1, 12)))


def test_the_lives_above_led_to_recipients_of_every_kind() -> None:
    assert TOLD_AS.keys() == set(Recipient)
