"""The demo rehearsed on the bare rules, seen from days of all kinds: each act is allowed, and all there is is shown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from deploy.demo.agencies import NAMES
from deploy.demo.bodies import act_body, task_body
from deploy.demo.days import Days
from deploy.demo.people import PEOPLE, SERVICE_SCOPES
from deploy.demo.scenario import STEPS
from deploy.demo.scenario import Task as Planned
from deploy.demo.tasks import TASKS
from services.assignment.tasks.api.bodies import BODIES, AssignBody
from services.assignment.tasks.rules.assigning import assigned
from services.assignment.tasks.rules.context import Context
from services.assignment.tasks.rules.state import Task
from services.assignment.tasks.rules.task import begin, decide, evolve, settle
from shared.office.access import Principal
from shared.office.policy import Policy
from shared.office.timeliness import horizon, timeliness
from shared.office.vocabulary import ExplanationState, ExtensionState, ReportState, RequestState, Stage, Timeliness
from shared.office.workdays import WorkCalendar

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
POLICY = Policy()
CALENDAR = WorkCalendar(POLICY)
ACCOUNTS = {person.username: person for person in PEOPLE}
DAYS = {
    "a working day": "2026-11-25T14:30:00",
    "a Friday night": "2026-11-27T23:30:00",
    "before nine on a Monday": "2026-11-30T07:15:00",
    "a Sunday": "2026-11-29T10:00:00",
    "a public holiday": "2026-11-24T16:00:00",
    "in the holidays of Tết": "2027-02-08T20:00:00",
    "on a working Saturday": "2026-08-22T11:00:00",
    "in a spring of another year": "2031-03-19T09:00:00",
}


class Rehearsal:
    """All tasks, lived morning by morning as the services would let them."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.days = Days.seen_from(now, CALENDAR)
        self.tasks: dict[Planned, Task] = {}
        for morning in STEPS:
            self._live(morning, self.days.morning_of(morning))

    def _live(self, morning: int, at: datetime) -> None:
        for planned in TASKS:
            if planned.assigned == morning:
                self.tasks[planned] = self._assigned(planned, at)
            for act, lead in planned.led():
                if act.on == morning:
                    body = BODIES[act.name].model_validate(act_body(act, lead, self.days)).to_command()
                    context = context_of(planned.performer(act, lead), at)
                    for entry in decide(self.tasks[planned], act.name, body, context):
                        self.tasks[planned] = evolve(self.tasks[planned], entry)

    def _assigned(self, planned: Planned, at: datetime) -> Task:
        replaced = self.tasks[planned.replaces] if planned.replaces else None
        body = AssignBody.model_validate(task_body(planned, self.days, replaced.id if replaced else None))
        return assigned(planned.key, begin(body.to_command(), replaced, context_of(planned.enterer, at)))

    def as_they_stand(self) -> Iterator[Task]:
        """Return the tasks with what time has brought by now."""
        for task in self.tasks.values():
            entries = settle(task, context_of("chutich", self.now))
            yield evolve(task, entries[0]) if entries else task


def context_of(username: str, now: datetime) -> Context:
    person = ACCOUNTS[username]
    actor = Principal(username, person.role, person.agency, frozenset(SERVICE_SCOPES))
    return Context(
        now=now.astimezone(UTC), calendar=CALENDAR, policy=POLICY, caller=actor, agencies=NAMES, accounts=ACCOUNTS
    )


@pytest.fixture(params=list(DAYS.values()), ids=list(DAYS))
def rehearsal(request: pytest.FixtureRequest) -> Rehearsal:
    return Rehearsal(datetime.fromisoformat(request.param).replace(tzinfo=HANOI))


def test_whatever_day_it_is_everything_there_is_is_shown(rehearsal: Rehearsal) -> None:
    tasks = list(rehearsal.as_they_stand())
    at = horizon(rehearsal.now.astimezone(UTC), CALENDAR, POLICY)
    assert {task.stage for task in tasks} == set(Stage)
    assert {timeliness(task.stage, task.due_at, task.current_submission, at) for task in tasks} == set(Timeliness)
    assert {task.extension.state for task in tasks} == set(ExtensionState)
    assert {request.state for task in tasks for request in task.extension.requests} == set(RequestState)
    assert {task.report.state for task in tasks} == set(ReportState)
    assert {task.explanation.state for task in tasks} == set(ExplanationState)


def test_whatever_day_it_is_some_work_is_finished_and_not_reported(rehearsal: Rehearsal) -> None:
    late = [task for task in rehearsal.tasks.values() if task.report_due_at and task.report_due_at < rehearsal.now]
    assert late


def test_an_agency_that_asked_for_more_time_is_not_blamed_while_it_waits(rehearsal: Rehearsal) -> None:
    waiting = [task for task in rehearsal.as_they_stand() if task.extension.state is ExtensionState.PENDING]
    assert any(task.is_past_due(rehearsal.now) for task in waiting)
    assert all(task.missed_at is None for task in waiting)
