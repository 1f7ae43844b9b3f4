"""The summary against figures counted by hand, with every grouping, period and moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reporting.api.summary import SummaryRow
from services.reporting.handlers import Recorder, Summaries
from services.reporting.rules.question import GroupBy, PeriodBy, Question
from services.reporting.rules.summary import Row, Summary
from services.reporting.rules.versions import NEWEST, version_of
from services.reporting.store import INDEXES, VERSIONS, Names, Versions, fill_same
from services.reporting.store.pipeline import pipeline
from shared.events.envelope import Event
from shared.events.task import Document, Explanation, Report, Task, TaskChanged
from shared.mongo import Database as Collections
from shared.mongo import ensure_indexes
from shared.office.policy import Policy
from shared.office.vocabulary import ExplanationState, ReportState, Stage
from shared.office.workdays import WorkCalendar
from tests.support import summary_oracle
from tests.support.clock import FakeClock
from tests.support.deadline_tasks import a_task, event_of
from tests.support.reporting import collections_of
from tests.support.reporting_histories import NOW, histories, midnight, past_moments
from tests.support.servers import Database

CALENDAR = WorkCalendar(Policy())
BY_AGENCY = Question(GroupBy.AGENCY)
_days = st.none() | st.dates(date(2026, 12, 1), date(2026, 12, 31))


@pytest.fixture
async def collections(database: Database) -> AsyncIterator[Collections]:
    async with collections_of(database) as made:
        yield made


@pytest.fixture
def summaries(collections: Collections) -> Summaries:
    return Summaries(Versions(collections), Names(collections), FakeClock(NOW), CALENDAR)


async def record(collections: Collections, *events: Event[TaskChanged]) -> None:
    records = Recorder(Versions(collections), Names(collections))
    for event in events:
        await records.record_task(event)


def figures(row: Row) -> dict[str, Any]:
    return SummaryRow.of(row).model_dump(exclude={"key", "name"})


@st.composite
def questions(draw: st.DrawFn) -> Question:
    return Question(
        group_by=draw(st.sampled_from(GroupBy)),
        period_by=draw(st.sampled_from(PeriodBy)),
        first_day=draw(_days),
        last_day=draw(_days),
        as_of=draw(st.none() | past_moments),
        lead_agency=draw(st.sampled_from([None, None, "so-tai-chinh", "$lead"])),
    )


@settings(max_examples=75, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=histories(), asked=st.lists(questions(), min_size=4, max_size=4))
async def test_every_figure_is_the_one_counted_by_hand(
    collections: Collections, summaries: Summaries, events: list[Event[TaskChanged]], asked: list[Question]
) -> None:
    await collections[VERSIONS].delete_many({})
    await record(collections, *events)
    for question in asked:
        summary = await summaries.draw(question)
        assert {row.key: figures(row) for row in summary.rows} == counted_by_hand(events, question)
        assert figures(summary.total) == total_by_hand(events, question)
        assert summary.as_of == (question.as_of or NOW)


def tasks_by_hand(events: list[Event[TaskChanged]], question: Question) -> list[Task]:
    held = summary_oracle.tasks_held(events, question.as_of)
    return [task for task in held if question.lead_agency in {None, task.lead_agency}]


def counted_by_hand(events: list[Event[TaskChanged]], question: Question) -> dict[str | None, dict[str, Any]]:
    return summary_oracle.rows_of(
        tasks_by_hand(events, question),
        question.as_of or NOW,
        question.group_by,
        question.period_by,
        question.first_day,
        question.last_day,
    )


def total_by_hand(events: list[Event[TaskChanged]], question: Question) -> dict[str, Any]:
    within = [
        task
        for task in tasks_by_hand(events, question)
        if summary_oracle.in_period(task, question.period_by, question.first_day, question.last_day)
    ]
    return summary_oracle.row_of(within, question.as_of or NOW)


async def total(summaries: Summaries, **asked: Any) -> dict[str, Any]:
    return figures((await summaries.draw(Question(GroupBy.AGENCY, **asked))).total)


def keys(summary: Summary) -> list[str | None]:
    return [row.key for row in summary.rows]


@pytest.mark.parametrize(
    ("due_at", "timeliness"),
    [
        (NOW - timedelta(milliseconds=1), "overdue"),
        (NOW, "due_today"),
        (midnight(date(2026, 12, 29)) - timedelta(milliseconds=1), "due_today"),
        (midnight(date(2026, 12, 29)), "due_soon"),
        # Monday; New Year's Day is off: 29, 30, 31 December are the three working days left.
        (midnight(date(2027, 1, 4)) - timedelta(milliseconds=1), "due_soon"),
        (midnight(date(2027, 1, 4)), "on_track"),
        (None, "no_deadline"),
    ],
)
async def test_an_open_task_is_judged_to_the_millisecond(
    collections: Collections, summaries: Summaries, due_at: datetime | None, timeliness: str
) -> None:
    await record(collections, event_of(a_task(due_at=due_at)))
    counted = await total(summaries)
    assert (counted["total"], counted[timeliness]) == (1, 1)


async def test_what_was_recorded_later_changes_no_past_summary(collections: Collections, summaries: Summaries) -> None:
    at = NOW - timedelta(days=2)
    await record(collections, event_of(a_task(version=1), at=at))
    before = await summaries.draw(Question(GroupBy.AGENCY, as_of=at))
    recalled = a_task(version=2, stage=Stage.RECALLED, lead_agency="so-xay-dung")
    await record(collections, event_of(recalled, "recalled", at=at + timedelta(milliseconds=1)))
    assert await summaries.draw(Question(GroupBy.AGENCY, as_of=at)) == before
    assert keys(await summaries.draw(BY_AGENCY)) == ["so-xay-dung"]
    assert (await total(summaries))["recalled"] == 1


async def test_a_version_counts_from_the_very_moment_it_was_recorded(
    collections: Collections, summaries: Summaries
) -> None:
    await record(collections, event_of(a_task(), at=NOW))
    assert (await total(summaries, as_of=NOW))["total"] == 1
    assert (await total(summaries, as_of=NOW - timedelta(milliseconds=1)))["total"] == 0


async def test_a_period_has_both_its_days_in_it(collections: Collections, summaries: Summaries) -> None:
    day = date(2026, 12, 7)
    ends = midnight(date(2026, 12, 8)) - timedelta(milliseconds=1)
    starts = midnight(day)
    moments = [starts - timedelta(milliseconds=1), starts, ends, ends + timedelta(milliseconds=1)]
    await record(collections, *(event_of(a_task(f"t-{n}", assigned_at=at), at=at) for n, at in enumerate(moments)))
    assert (await total(summaries, first_day=day, last_day=day))["total"] == 2
    assert (await total(summaries, first_day=day))["total"] == 3
    assert (await total(summaries, last_day=day))["total"] == 3


async def test_a_month_is_the_local_one_and_comes_last_where_there_is_none(
    collections: Collections, summaries: Summaries
) -> None:
    new_year = midnight(date(2027, 1, 1))
    dues = [None, new_year, new_year - timedelta(milliseconds=1)]
    await record(collections, *(event_of(a_task(f"t-{n}", due_at=due)) for n, due in enumerate(dues)))
    summary = await summaries.draw(Question(GroupBy.MONTH, PeriodBy.DUE))
    assert keys(summary) == ["2026-12", "2027-01", None]


async def test_a_task_without_a_term_enters_no_rate(collections: Collections, summaries: Summaries) -> None:
    accepted = Report(state=ReportState.ACCEPTED, submitted_at=NOW)
    await record(collections, event_of(a_task(stage=Stage.COMPLETED, due_at=None, report=accepted)))
    counted = await total(summaries)
    assert counted["completed_on_time"] == 1
    assert (counted["completion_rate"], counted["on_time_rate"]) == (None, None)


async def test_rates_are_shares_of_what_is_completed_or_overdue(collections: Collections, summaries: Summaries) -> None:
    due = NOW - timedelta(days=1)
    in_time = Report(state=ReportState.ACCEPTED, submitted_at=due)
    late = Report(state=ReportState.ACCEPTED, submitted_at=due + timedelta(milliseconds=1))
    await record(
        collections,
        event_of(a_task("t-1", stage=Stage.COMPLETED, due_at=due, report=in_time)),
        event_of(a_task("t-2", stage=Stage.COMPLETED, due_at=due, report=late)),
        event_of(a_task("t-3", stage=Stage.IN_PROGRESS, due_at=due)),
        event_of(a_task("t-4", stage=Stage.IN_PROGRESS, due_at=NOW)),
    )
    counted = await total(summaries)
    assert (counted["completion_rate"], counted["on_time_rate"]) == (0.6667, 0.3333)


async def test_recall_ends_the_duty_to_explain(collections: Collections, summaries: Summaries) -> None:
    owed = Explanation(state=ExplanationState.REQUIRED, due_at=NOW - timedelta(days=1))
    missed_at = NOW - timedelta(days=4)
    await record(
        collections,
        event_of(a_task("t-1", stage=Stage.RECALLED, explanation=owed, missed_at=missed_at)),
        event_of(a_task("t-2", stage=Stage.REFUSED, explanation=owed, missed_at=missed_at)),
    )
    counted = await total(summaries)
    assert (counted["missed"], counted["explanations_due"], counted["explanations_overdue"]) == (2, 1, 1)


async def test_no_summary_scans_the_collection(collections: Collections) -> None:
    await collections[VERSIONS].insert_many(many_versions())
    for group_by in GroupBy:
        for as_of in (None, NOW - timedelta(days=10)):
            for lead_agency in (None, "so-7"):
                question = Question(group_by, PeriodBy.DUE, date(2026, 12, 1), None, as_of, lead_agency)
                stages = await plan_of(collections, question)
                assert "COLLSCAN" not in stages
                # The index has all that is counted; only of one agency's past are the few documents read.
                assert "FETCH" not in stages or (as_of is not None and lead_agency is not None)


def many_versions() -> list[dict[str, Any]]:
    made = []
    for n in range(4_000):
        at = NOW - timedelta(hours=n % 900)
        version = version_of(event_of(a_task(f"t-{n // 4}", version=n % 4, lead_agency=f"so-{n % 53}"), at=at))
        made.append({"_id": version.id, **asdict(version), "until": NEWEST if n % 4 == 3 else at + timedelta(hours=50)})
    return made


async def plan_of(collections: Collections, question: Question) -> set[str]:
    command = {"aggregate": VERSIONS, "pipeline": pipeline(question, NOW, CALENDAR), "cursor": {}}
    explained = await collections.command("explain", command, verbosity="queryPlanner")
    plan = explained["stages"][0]["$cursor"] if "stages" in explained else explained
    return set(stages_of(plan["queryPlanner"]["winningPlan"]))


def stages_of(plan: dict[str, Any]) -> list[str]:
    plan = plan.get("queryPlan", plan)
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [plan["stage"], *(stage for part in below for stage in stages_of(part))]


ALIKE = ("123/QĐ-UBND", "123/q\u0111-ubnd", "123/Q\u00d0\u2013UBND", "123/QĐ-\u200bUBND")
FIELDS_ALIKE = ("Y Tế", "y tế", "Y\u00a0tế", "Y  tế")


async def written_alike(collections: Collections) -> None:
    """Record tasks whose numbers and fields are the same; the one that was assigned first comes last."""
    moment = NOW - timedelta(days=9)
    tasks = [
        a_task(
            f"t-{at}",
            document=Document(number=number, issued_on="2026-01-02"),
            field=field,
            assigned_at=moment + timedelta(hours=at),
        )
        for at, (number, field) in enumerate(zip(ALIKE, FIELDS_ALIKE, strict=True))
    ]
    await record(collections, *map(event_of, reversed(tasks)), event_of(a_task("t-other")))


async def groups(summaries: Summaries, group_by: GroupBy) -> dict[str | None, int]:
    return {row.key: row.counts["total"] for row in (await summaries.draw(Question(group_by))).rows}


async def test_numbers_and_fields_that_are_the_same_are_one_row_shown_as_first_written(
    collections: Collections, summaries: Summaries
) -> None:
    await written_alike(collections)
    assert await groups(summaries, GroupBy.DOCUMENT) == {"123/QĐ-UBND (2026-01-02)": 4, None: 1}
    assert await groups(summaries, GroupBy.FIELD) == {"Y Tế": 4, None: 1}


async def test_versions_of_an_earlier_time_stand_apart_until_they_are_filled(
    collections: Collections, summaries: Summaries
) -> None:
    await written_alike(collections)
    await ensure_indexes(collections, INDEXES)
    await collections[VERSIONS].update_many({}, {"$unset": {"same": 1}})
    assert sum((await groups(summaries, GroupBy.DOCUMENT)).values()) == 5
    assert len(await groups(summaries, GroupBy.FIELD)) == 5
    await fill_same(collections)
    assert await groups(summaries, GroupBy.DOCUMENT) == {"123/QĐ-UBND (2026-01-02)": 4, None: 1}
    assert await groups(summaries, GroupBy.FIELD) == {"Y Tế": 4, None: 1}
    lacking = collections[VERSIONS].find({"same": None})
    assert (await lacking.explain())["queryPlanner"]["winningPlan"]["inputStage"]["indexName"] == "without_same"
    assert await lacking.to_list() == []
