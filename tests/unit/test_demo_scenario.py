"""The demo's province and what its tasks say of it: nobody does anything impossible."""

import unicodedata
from collections import Counter
from collections.abc import Iterator

import pytest

from deploy.demo.agencies import AGENCIES, NAMES
from deploy.demo.people import CHAIR, COORDINATORS, PEOPLE, STAFF
from deploy.demo.scenario import STEPS, Task
from deploy.demo.tasks import TASKS
from shared.office.vocabulary import AgencyKind, Role

each_task = pytest.mark.parametrize("task", TASKS, ids=[f"{task.lead}: {task.title[:60]}" for task in TASKS])


def agencies_named_by(task: Task) -> Iterator[str]:
    yield from (task.lead, *task.coordinating)
    yield from [task.monitor] if task.monitor else []
    for act, lead in task.led():
        yield from (lead, *act.body.get("coordinating_agencies", ()))
        yield from [act.agency] if act.agency else []


def test_the_province_has_its_102_communes_and_wards() -> None:
    communes = [agency for agency in AGENCIES if agency.kind is AgencyKind.COMMUNE]
    assert len(communes) == 102
    assert NAMES["28249"] == "Ủy ban nhân dân phường Đạo Thạnh"
    assert NAMES["30259"] == "Ủy ban nhân dân xã Tân Phú Trung"


def test_no_code_and_no_name_is_given_twice() -> None:
    assert len(NAMES) == len(AGENCIES) == len({agency.name for agency in AGENCIES})
    assert all(agency.parent is None or agency.parent in NAMES for agency in AGENCIES)


def test_there_is_somebody_in_every_role_that_the_administrator_gives() -> None:
    assert {person.role for person in PEOPLE} == set(Role) - {Role.ADMINISTRATOR}
    assert len({person.username for person in PEOPLE}) == len(PEOPLE)
    assert len({person.display_name for person in PEOPLE}) == len(PEOPLE)
    assert all(person.agency is None or person.agency in NAMES for person in PEOPLE)


def test_the_first_head_has_a_clerk_and_an_officer() -> None:
    agency = next(person.agency for person in PEOPLE if person.role is Role.HEAD)
    assert {person.role for person in PEOPLE if person.agency == agency} >= {Role.HEAD, Role.CLERK, Role.OFFICER}


def test_the_chair_leads_and_each_leader_has_a_coordinator() -> None:
    leaders = [person.username for person in PEOPLE if person.role is Role.LEADER]
    assert leaders[0] == CHAIR
    assert set(leaders) == set(COORDINATORS)


def test_each_task_differs_from_all_others() -> None:
    assert max(Counter(task.key for task in TASKS).values()) == 1


@each_task
def test_a_life_runs_forward_on_the_mornings_of_the_demo(task: Task) -> None:
    mornings = [task.assigned, *(act.on for act in task.life)]
    assert mornings == sorted(mornings)
    assert set(mornings) <= set(STEPS)
    assert task.paper.issued <= task.assigned


@each_task
def test_only_agencies_of_the_province_take_part(task: Task) -> None:
    assert set(agencies_named_by(task)) <= set(NAMES)


@each_task
def test_whoever_acts_has_an_account(task: Task) -> None:
    usernames = {person.username for person in PEOPLE}
    assert task.enterer in usernames
    assert {task.performer(act, lead) for act, lead in task.led()} <= usernames


@each_task
def test_a_replacement_comes_after_the_recall(task: Task) -> None:
    if task.replaces:
        assert task.replaces.life[-1].name == "recall"
        assert task.replaces.life[-1].on < task.assigned
        assert TASKS.index(task.replaces) < TASKS.index(task)


@each_task
def test_what_is_written_is_normalised(task: Task) -> None:
    texts = [task.title, task.product, task.field, task.paper.summary]
    texts += [text for act in task.life for text in act.body.values() if isinstance(text, str)]
    assert all(text == unicodedata.normalize("NFC", text).strip() for text in texts)


def test_every_act_of_the_office_is_shown() -> None:
    acts = {act.name for task in TASKS for act in task.life}
    assert acts == {
        "receipt",
        "refusal",
        "reassignment",
        "correction",
        "deadline",
        "delegation",
        "progress",
        "contribution",
        "extension",
        "extension/decision",
        "report",
        "report/decision",
        "explanation",
        "explanation/decision",
        "recall",
        "urging",
    }


def test_every_agency_with_staff_leads_a_task() -> None:
    assert set(STAFF) <= {lead for task in TASKS for _, lead in task.led()} | {task.lead for task in TASKS}
