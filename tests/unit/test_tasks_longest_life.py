"""The longest life that a task may have: every limit is used up with the longest texts, and it still closes.

MongoDB keeps 16 MB in one record, and the broker takes a message of 16 MB. A character of four bytes is the largest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import bson

from services.assignment.tasks.rules import explanation, extension, handover, receipt, report, work
from services.assignment.tasks.rules.assigning import Assign, assigned
from services.assignment.tasks.rules.context import Command, Context
from services.assignment.tasks.rules.due import RequestedDeadline
from services.assignment.tasks.rules.limits import MOST, is_full
from services.assignment.tasks.rules.particulars import Document
from services.assignment.tasks.rules.state import Quota
from services.assignment.tasks.rules.task import allowed_acts, begin, decide, evolve
from services.assignment.tasks.store.records import RequestKey, event_of, from_entry, state_of
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.messaging import outbox
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.vocabulary import Cause, Role
from shared.office.workdays import WorkCalendar

POLICY: Final = Policy()
CALENDAR: Final = WorkCalendar(POLICY)
START: Final = datetime(2026, 3, 2, 2, tzinfo=UTC)
KEPT_AT_MOST: Final = 16 * 1024 * 1024
TAKEN_AT_MOST: Final = 16 * 1024 * 1024
OVER: Final = 500_000
"""By how much the last entry of each quota may go over its bytes, all of them together."""
NUMBERS: Final = {
    "correction": 50,
    "reassignment": 20,
    "receipt": 21,
    "refusal": 20,
    "delegation": 50,
    "progress": 400,
    "contribution": 300,
    "urging": 200,
    "extension": 20,
    "extension/decision": 20,
    "explanation": 51,
    "explanation/decision": 51,
    "report": 1,
    "report/decision": 1,
}
LARGEST: Final = "𠮷"
TEXT, NOTE, TITLE = LARGEST * 10_000, LARGEST * 2_000, LARGEST * 1_000
PAPER: Final = Document(number=LARGEST * 100, issued_on="2026-01-01")
KEY: Final = RequestKey("k" * 255, "f" * 64)
AGENCIES: Final = [f"{number:03}{'A' * 47}" for number in range(202)]
LEADS, COORDINATING, MONITOR = AGENCIES[:2], tuple(AGENCIES[2:201]), AGENCIES[201]
LEADER: Final = Principal("leader", Role.LEADER)


class LongestLife:
    """A task, all its entries, and how often each act was done."""

    def __init__(self) -> None:
        self.now = START
        self.done: Counter[str] = Counter()
        first = begin(
            Assign(
                title=TITLE,
                description=TEXT,
                product=TEXT,
                field=LARGEST * 200,
                document=Document(number=LARGEST * 100, issued_on="2026-01-01", summary=TEXT),
                lead_agency=LEADS[0],
                coordinating_agencies=COORDINATING,
                monitor=MONITOR,
                deadline=RequestedDeadline(day=(START + timedelta(days=90)).date()),
                deadline_text=TITLE,
            ),
            None,
            self._context(LEADER),
        )
        self.task = assigned("task", first)
        self.history = [first]

    def act(self, name: str, command: Command, caller: Principal | None = None) -> None:
        caller = caller or self.head
        entries = decide(self.task, name, command, self._context(caller))
        for entry in entries:
            self.task = evolve(self.task, entry)
        self.history += entries
        self.done[name] += 1

    def until_full(self, name: str, command: Command, caller: Principal | None = None) -> None:
        """Do an act again and again until the task takes no more of it."""
        while name in self.allowed(caller or self.head):
            self.act(name, command, caller)

    def allowed(self, caller: Principal) -> list[str]:
        return allowed_acts(self.task, self._context(caller))

    @property
    def head(self) -> Principal:
        return Principal("u" * 100, Role.HEAD, self.task.lead_agency)

    def record(self, waiting: Iterable[Event[Any]]) -> dict[str, Any]:
        """Return the record of the task, with these events in its outbox."""
        history = [{**from_entry(entry, KEY), "write": bson.ObjectId()} for entry in self.history]
        return {"_id": self.task.id, **state_of(self.task), "history": history, **outbox.fields(waiting)}

    def _context(self, caller: Principal) -> Context:
        officers = {f"officer-{code}": Principal(f"officer-{code}", Role.OFFICER, code) for code in LEADS}
        return Context(
            now=self.now,
            calendar=CALENDAR,
            policy=POLICY,
            caller=caller,
            agencies=frozenset(AGENCIES),
            accounts=officers,
        )


def written(quota: Quota) -> str:
    """Return a text of such a length that the number and the bytes of a quota are used up at the same time."""
    most = MOST[quota]
    return LARGEST * (most.bytes // most.entries // len(LARGEST.encode()))


def _correct(life: LongestLife) -> None:
    text = written(Quota.CORRECTIONS)
    while "correction" in life.allowed(LEADER):
        changed = text[:-1] + "ab"[life.done["correction"] % 2]
        life.act("correction", handover.Correct("đ", {"description": changed}), LEADER)


def _hand_on(life: LongestLife) -> None:
    while "reassignment" in life.allowed(LEADER):
        life.act("receipt", receipt.Receive(NOTE))
        life.act("refusal", receipt.Refuse(TEXT))
        lead = LEADS[life.done["refusal"] % 2]
        life.act("reassignment", handover.Reassign(lead, written(Quota.REASSIGNMENTS)), LEADER)
    life.act("receipt", receipt.Receive(NOTE))


def _work(life: LongestLife) -> None:
    officer = f"officer-{life.task.lead_agency}"
    life.until_full("delegation", work.Delegate(officer, written(Quota.DELEGATIONS)))
    life.until_full("progress", work.MakeProgress(50, written(Quota.PROGRESS)))
    for agency in life.task.coordinating_agencies:
        helper = Principal("h" * 100, Role.HEAD, agency)
        life.until_full("contribution", work.Contribute(written(Quota.CONTRIBUTIONS)), helper)
    for caller in (LEADER, Principal("m" * 100, Role.HEAD, MONITOR)):
        life.until_full("urging", work.Urge(written(Quota.URGINGS)), caller)


def _ask(life: LongestLife) -> None:
    day = RequestedDeadline(day=(START + timedelta(days=120)).date())
    while "extension" in life.allowed(life.head):
        life.act("extension", extension.AskExtension(day, written(Quota.REQUESTS)))
        life.act("extension/decision", extension.DecideExtension(approved=False, reason=TEXT), LEADER)


def _explain(life: LongestLife) -> None:
    """Let every explanation be refused once the deadline is missed; the last one waits for a decision."""
    life.now = START + timedelta(days=200)
    text = written(Quota.RETURNS)
    half = text[: len(text) // 2]
    life.act("explanation", _explained(half))
    while not is_full(life.task, "explanation_refused", LEADER):
        refused = explanation.DecideExplanation(accepted=False, reason="đ", directive=half)
        life.act("explanation/decision", refused, LEADER)
        life.act("explanation", _explained(half))


def _explained(narrative: str) -> explanation.Explain:
    return explanation.Explain(Cause.DEPENDENCY_ON_OTHER_AGENCY, narrative, "đ", "2027-01-01")


def _close(life: LongestLife) -> None:
    life.act("report", report.SubmitReport(TEXT, "2026-09-01", PAPER))
    accepted = explanation.DecideExplanation(accepted=True, reason=TEXT, directive=TEXT)
    life.act("explanation/decision", accepted, LEADER)
    life.act("report/decision", report.DecideReport(accepted=True, reason=TEXT), LEADER)


def test_the_longest_life_fits_into_one_record_and_closes() -> None:
    """A write brings two events at most: a miss, and the act that comes with it."""
    life = LongestLife()
    for stretch in (_correct, _hand_on, _work, _ask, _explain, _close):
        stretch(life)
    assert life.done == NUMBERS
    last_two = [event_of(life.task, entry) for entry in life.history[-2:]]
    size = len(bson.encode(life.record(last_two)))
    assert size + OVER < KEPT_AT_MOST
    assert sum(len(encode(event)) for event in last_two) + OVER < TAKEN_AT_MOST
