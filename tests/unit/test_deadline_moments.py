"""Which moments a task waits for in each stage; expectations written by hand from the office's rules."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deadline.rules.moments import MomentKind, WatchedMoment, moments_of
from services.deadline.rules.watch import Watch, deal_with, observe
from shared.events.names import DEADLINE_KINDS
from shared.events.task import Explanation, Extension, Report, Task
from shared.office.policy import Policy
from shared.office.vocabulary import DueKind, ExplanationState, ExtensionState, ReportState, Stage
from shared.office.workdays import WorkCalendar
from tests.support.deadline_tasks import (
    ASSIGNED_AT,
    CALENDAR,
    DUE_AT,
    RECEIPT_DUE_AT,
    a_task,
    local,
    submitted,
    without_deadline,
)

MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)

SOON_3 = WatchedMoment(local(date(2026, 12, 15), 7), MomentKind.DUE_SOON, 3)
SOON_1 = WatchedMoment(local(date(2026, 12, 17), 7), MomentKind.DUE_SOON, 1)
TODAY = WatchedMoment(local(date(2026, 12, 18), 7), MomentKind.DUE_TODAY)
MISSED = WatchedMoment(DUE_AT, MomentKind.MISSED)
RECEIPT = WatchedMoment(RECEIPT_DUE_AT, MomentKind.RECEIPT_OVERDUE)
REPORT_DUE_AT = CALENDAR.end_of_day(date(2026, 12, 10))
REPORT = WatchedMoment(REPORT_DUE_AT, MomentKind.REPORT_MISSING)
EXPLANATION_DUE_AT = CALENDAR.end_of_day(date(2026, 12, 23))
EXPLANATION = WatchedMoment(EXPLANATION_DUE_AT, MomentKind.EXPLANATION_OVERDUE)

LATE = DUE_AT + MILLISECOND
OWED = Explanation(state=ExplanationState.REQUIRED, required_at=DUE_AT, due_at=EXPLANATION_DUE_AT)
OWED_AGAIN = Explanation(state=ExplanationState.REFUSED, required_at=DUE_AT, due_at=EXPLANATION_DUE_AT)
GIVEN = Explanation(state=ExplanationState.SUBMITTED, required_at=DUE_AT, due_at=EXPLANATION_DUE_AT)
RETURNED = Report(state=ReportState.RETURNED, submitted_at=ASSIGNED_AT, returns=1)
ACCEPTED = Report(state=ReportState.ACCEPTED, submitted_at=ASSIGNED_AT)


def watched(task: Task, since: datetime = ASSIGNED_AT) -> Watch:
    watch = observe(None, task, since)
    assert watch is not None
    return watch


def told(watch: Watch, now: datetime, calendar: WorkCalendar = CALENDAR) -> list[WatchedMoment]:
    return deal_with(watch, calendar, now)[1]


def test_every_kind_names_an_event() -> None:
    assert tuple(MomentKind) == DEADLINE_KINDS


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (a_task(), [RECEIPT, SOON_3, SOON_1, TODAY, MISSED]),
        (a_task(stage=Stage.RECEIVED), [SOON_3, SOON_1, TODAY, MISSED]),
        (a_task(stage=Stage.IN_PROGRESS), [SOON_3, SOON_1, TODAY, MISSED]),
        (a_task(stage=Stage.IN_PROGRESS, report_due_at=REPORT_DUE_AT), [REPORT, SOON_3, SOON_1, TODAY, MISSED]),
        (a_task(stage=Stage.RECEIVED, report_due_at=REPORT_DUE_AT), [SOON_3, SOON_1, TODAY, MISSED]),
        (a_task(stage=Stage.IN_PROGRESS, report=RETURNED), [SOON_3, SOON_1, TODAY, MISSED]),
        (a_task(stage=Stage.REPORTED, report=submitted(DUE_AT)), []),
        (a_task(stage=Stage.REPORTED, report=submitted(LATE)), [MISSED]),
        (a_task(stage=Stage.REPORTED, report=submitted(LATE), explanation=OWED), [MISSED, EXPLANATION]),
        (a_task(stage=Stage.COMPLETED, report=ACCEPTED), []),
        (a_task(stage=Stage.COMPLETED, report=ACCEPTED, explanation=OWED_AGAIN), [EXPLANATION]),
        (a_task(stage=Stage.COMPLETED, report=ACCEPTED, explanation=GIVEN), []),
        (a_task(stage=Stage.REFUSED), []),
        (a_task(stage=Stage.REFUSED, explanation=OWED), [EXPLANATION]),
        (a_task(stage=Stage.RECALLED), []),
        (a_task(stage=Stage.RECALLED, explanation=OWED), []),
        (without_deadline(), [RECEIPT]),
        (without_deadline(stage=Stage.IN_PROGRESS), []),
    ],
)
def test_each_stage_has_its_own_moments(task: Task, expected: list[WatchedMoment]) -> None:
    assert moments_of(task, CALENDAR) == expected


def test_a_miss_is_watched_while_a_request_waits() -> None:
    task = a_task(stage=Stage.IN_PROGRESS, extension=Extension(state=ExtensionState.PENDING))
    assert MISSED in moments_of(task, CALENDAR)


def test_reminders_count_working_days_over_a_weekend() -> None:
    monday = CALENDAR.end_of_day(date(2026, 12, 21))
    moments = moments_of(a_task(stage=Stage.RECEIVED, due_at=monday), CALENDAR)
    assert moments[0] == WatchedMoment(local(date(2026, 12, 16), 7), MomentKind.DUE_SOON, 3)
    assert moments[1] == WatchedMoment(local(date(2026, 12, 18), 7), MomentKind.DUE_SOON, 1)


def test_reminders_follow_the_policy() -> None:
    calendar = WorkCalendar(Policy(remind_before=(5,), day_starts=8))
    moments = moments_of(a_task(stage=Stage.RECEIVED), calendar)
    assert moments == [
        WatchedMoment(local(date(2026, 12, 11), 8), MomentKind.DUE_SOON, 5),
        WatchedMoment(local(date(2026, 12, 18), 8), MomentKind.DUE_TODAY),
        MISSED,
    ]


def test_nothing_is_due_today_after_it_was_due() -> None:
    at_five = local(date(2026, 12, 18), 5)
    moments = moments_of(a_task(stage=Stage.RECEIVED, due_kind=DueKind.MOMENT, due_at=at_five), CALENDAR)
    assert [moment.kind for moment in moments] == [MomentKind.DUE_SOON, MomentKind.DUE_SOON, MomentKind.MISSED]


def test_nothing_is_told_before_its_moment() -> None:
    watch = watched(a_task())
    assert told(watch, RECEIPT_DUE_AT) == []
    assert told(watch, RECEIPT_DUE_AT + MILLISECOND) == [RECEIPT]


def test_what_was_told_is_not_told_again() -> None:
    now = RECEIPT_DUE_AT + DAY
    after, first = deal_with(watched(a_task()), CALENDAR, now)
    assert first == [RECEIPT]
    assert told(after, now) == []
    assert after.next_moment(CALENDAR) == SOON_3


def test_a_task_assigned_late_is_not_reminded_of_what_had_passed() -> None:
    watch = watched(a_task(stage=Stage.RECEIVED), since=SOON_3.at + DAY)
    assert watch.next_moment(CALENDAR) == SOON_1


def test_after_an_outage_only_the_latest_rung_is_told() -> None:
    after, moments = deal_with(watched(a_task(stage=Stage.RECEIVED)), CALENDAR, SOON_1.at + MILLISECOND)
    assert moments == [SOON_1]
    assert after.next_moment(CALENDAR) == TODAY


def test_after_an_outage_a_reminder_of_the_eve_is_not_told_on_the_due_day() -> None:
    watch = watched(a_task(stage=Stage.RECEIVED))
    assert told(watch, TODAY.at - timedelta(hours=1)) == []
    assert told(watch, TODAY.at + timedelta(hours=1)) == [TODAY]


def test_after_an_outage_over_the_due_moment_the_miss_alone_is_told() -> None:
    after, moments = deal_with(watched(a_task(stage=Stage.RECEIVED)), CALENDAR, DUE_AT + 5 * DAY)
    assert moments == [MISSED]
    assert after.next_moment(CALENDAR) is None


def test_a_due_moment_within_the_day_ends_the_reminder_of_that_day() -> None:
    at_ten = local(date(2026, 12, 18), 10)
    watch = watched(a_task(stage=Stage.RECEIVED, due_kind=DueKind.MOMENT, due_at=at_ten))
    assert [moment.kind for moment in told(watch, at_ten)] == [MomentKind.DUE_TODAY]
    assert [moment.kind for moment in told(watch, at_ten + MILLISECOND)] == [MomentKind.MISSED]


def test_moments_that_come_together_are_told_together() -> None:
    watch = watched(a_task(receipt_due_at=DUE_AT))
    assert {moment.kind for moment in told(watch, LATE)} == {MomentKind.RECEIPT_OVERDUE, MomentKind.MISSED}


def test_a_report_in_time_that_is_returned_late_was_missed_after_all() -> None:
    waiting = a_task(stage=Stage.REPORTED, version=2, report=submitted(DUE_AT - DAY))
    silent, moments = deal_with(watched(waiting), CALENDAR, LATE)
    assert moments == []
    returned = observe(silent, a_task(stage=Stage.IN_PROGRESS, version=3, report=RETURNED), LATE + DAY)
    assert returned is not None
    assert told(returned, LATE + DAY) == [MISSED]


def test_a_later_deadline_is_missed_anew() -> None:
    missed, _ = deal_with(watched(a_task(stage=Stage.RECEIVED)), CALENDAR, LATE)
    later = CALENDAR.end_of_day(date(2026, 12, 25))
    extended = observe(missed, a_task(stage=Stage.RECEIVED, version=2, due_at=later), LATE)
    assert extended is not None
    assert told(extended, later + MILLISECOND) == [WatchedMoment(later, MomentKind.MISSED)]


def test_an_extension_granted_late_sends_no_reminder_that_had_passed() -> None:
    watch = watched(a_task(stage=Stage.RECEIVED))
    later = CALENDAR.end_of_day(date(2026, 12, 22))  # its third working day before is the 17th
    extended = observe(watch, a_task(stage=Stage.RECEIVED, version=2, due_at=later), local(date(2026, 12, 18), 9))
    assert extended is not None
    assert extended.next_moment(CALENDAR) == WatchedMoment(local(date(2026, 12, 21), 7), MomentKind.DUE_SOON, 1)


def test_a_refused_explanation_is_due_again() -> None:
    owing = a_task(stage=Stage.IN_PROGRESS, explanation=OWED)
    told_once, _ = deal_with(watched(owing), CALENDAR, EXPLANATION_DUE_AT + MILLISECOND)
    again = CALENDAR.end_of_day(date(2026, 12, 30))
    refused = OWED_AGAIN.model_copy(update={"due_at": again})
    watch = observe(told_once, a_task(stage=Stage.IN_PROGRESS, version=2, explanation=refused), EXPLANATION_DUE_AT)
    assert watch is not None
    assert told(watch, again + MILLISECOND) == [WatchedMoment(again, MomentKind.EXPLANATION_OVERDUE)]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_state_and_a_repeated_one_are_ignored(version: int) -> None:
    watch = watched(a_task(version=3))
    assert observe(watch, a_task(version=version, title="cũ"), DUE_AT) is None


def test_the_same_deadline_told_again_keeps_the_reminders() -> None:
    watch = observe(watched(a_task()), a_task(version=2, stage=Stage.RECEIVED), SOON_3.at + MILLISECOND)
    assert watch is not None
    assert watch.next_moment(CALENDAR) == SOON_3


instants = st.timedeltas(timedelta(), timedelta(days=85)).map(lambda passed: ASSIGNED_AT + passed)
stages = st.sampled_from(Stage)


@given(stages, st.lists(instants, min_size=1, max_size=8).map(sorted))
def test_a_moment_is_told_at_most_once_and_never_early(stage: Stage, steps: list[datetime]) -> None:
    watch = watched(a_task(stage=stage, explanation=OWED, report_due_at=REPORT_DUE_AT))
    seen: list[WatchedMoment] = []
    for now in steps:
        watch, moments = deal_with(watch, CALENDAR, now)
        assert all(moment.at < now for moment in moments)
        seen += moments
        following = watch.next_moment(CALENDAR)
        assert following is None or following.at >= now
    assert len(seen) == len(set(seen))


@given(stages, st.lists(instants, max_size=8).map(sorted))
def test_terms_that_ran_out_are_told_however_seldom_one_looks(stage: Stage, steps: list[datetime]) -> None:
    watch = watched(a_task(stage=stage, explanation=OWED, report_due_at=REPORT_DUE_AT))
    reminders = {MomentKind.DUE_SOON, MomentKind.DUE_TODAY}
    expected = {moment for moment in watch.pending(CALENDAR) if moment.kind not in reminders}
    seen: set[WatchedMoment] = set()
    for now in [*steps, ASSIGNED_AT + timedelta(days=90)]:
        watch, moments = deal_with(watch, CALENDAR, now)
        seen |= set(moments)
    assert {moment for moment in seen if moment.kind not in reminders} == expected
