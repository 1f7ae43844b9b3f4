"""Who is told. The expectations are a table of their own, written by hand from the office's rule, person by person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.notification.rules.occasion import occasion_of
from services.notification.rules.routing import RECIPIENTS, Person, Recipient, recipients_of
from shared.events.envelope import Event
from shared.events.names import DEADLINE_KINDS, TASK_FACTS
from shared.office.vocabulary import Role
from tests.support.notification_events import PEOPLE, account_told, moment_told, task_told

EVERYBODY = [Person(username, role, agency) for username, (role, agency) in PEOPLE.items()]
HEAD, CLERK, OFFICER = "gd-tai-chinh", "vt-tai-chinh", "cv-tai-chinh"
ASSIGNER, ENTERED = "chu-tich", "dieu-phoi"
OTHERS = {"gd-xay-dung", "gd-noi-vu", "chanh-thanh-tra"}

ACTS: list[tuple[str, str, set[str]]] = [
    ("assigned", ASSIGNER, {HEAD, CLERK} | OTHERS),
    ("received", CLERK, {HEAD}),
    ("received", HEAD, set()),
    ("received", "pm-tai-chinh", set()),
    ("refused", HEAD, {ASSIGNER, ENTERED}),
    ("reassigned", ASSIGNER, {HEAD, CLERK, "gd-y-te"} | OTHERS),
    ("corrected", ASSIGNER, {HEAD, CLERK}),
    ("deadline_set", ASSIGNER, {HEAD, CLERK}),
    ("delegated", HEAD, {OFFICER}),
    ("officer_left", "system", {HEAD, CLERK}),
    ("progressed", OFFICER, set()),
    ("contributed", "vt-xay-dung", set()),
    ("extension_requested", HEAD, {ASSIGNER, ENTERED}),
    ("extension_approved", ASSIGNER, {HEAD, CLERK}),
    ("extension_refused", ASSIGNER, {HEAD, CLERK}),
    ("reported", HEAD, {ASSIGNER, ENTERED}),
    ("report_returned", ASSIGNER, {HEAD, CLERK, OFFICER}),
    ("completed", ASSIGNER, {HEAD, CLERK, OFFICER} | OTHERS),
    ("recalled", ASSIGNER, {HEAD, CLERK, OFFICER} | OTHERS),
    ("urged", ASSIGNER, {HEAD, CLERK, OFFICER}),
    ("urged", "chanh-thanh-tra", {HEAD, CLERK, OFFICER}),
    ("explanation_required", "system", {HEAD, CLERK}),
    ("explanation_withdrawn", "system", set()),
    ("explanation_submitted", HEAD, {ASSIGNER, ENTERED}),
    ("explanation_accepted", ASSIGNER, {HEAD, CLERK}),
    ("explanation_refused", ASSIGNER, {HEAD, CLERK}),
]
MOMENTS: list[tuple[str, set[str]]] = [
    ("due_soon", {HEAD, CLERK, OFFICER}),
    ("due_today", {HEAD, CLERK, OFFICER}),
    ("missed", set()),
    ("receipt_overdue", {HEAD, CLERK, ASSIGNER, ENTERED}),
    ("report_missing", {HEAD, CLERK, OFFICER}),
    ("explanation_overdue", {HEAD, CLERK, ASSIGNER, ENTERED}),
]
FORMER = {"from_agency": "so-y-te"}


def who_is_told(event: Event[Any]) -> set[str]:
    return set(recipients_of(occasion_of(event), EVERYBODY))


@pytest.mark.parametrize(("act", "by", "expected"), ACTS)
def test_an_act_is_told_to_those_concerned_and_nobody_else(act: str, by: str, expected: set[str]) -> None:
    details = FORMER if act == "reassigned" else {}
    assert who_is_told(task_told(act, by, details=details)) == expected


@pytest.mark.parametrize(("kind", "expected"), MOMENTS)
def test_a_moment_is_told_to_those_concerned_and_nobody_else(kind: str, expected: set[str]) -> None:
    assert who_is_told(moment_told(kind)) == expected


def test_every_event_of_a_task_or_a_deadline_stands_in_the_table_and_in_the_expectations() -> None:
    assert set(RECIPIENTS) == {f"task.{act}" for act in TASK_FACTS} | {f"deadline.{kind}" for kind in DEADLINE_KINDS}
    assert {act for act, _, _ in ACTS} == set(TASK_FACTS)
    assert {kind for kind, _ in MOMENTS} == set(DEADLINE_KINDS)


def test_who_acted_is_not_told_of_it() -> None:
    assert who_is_told(task_told("completed", HEAD)) == {CLERK, OFFICER} | OTHERS


def test_who_entered_a_task_is_told_even_when_a_leader_entered_it_themselves() -> None:
    occasion = occasion_of(task_told("reported", HEAD, entered_by=ASSIGNER))
    assert recipients_of(occasion, EVERYBODY) == {ASSIGNER: Recipient.ASSIGNER}


def test_somebody_with_two_reasons_is_told_once_as_the_first() -> None:
    event = task_told("recalled", officer=HEAD)
    assert recipients_of(occasion_of(event), EVERYBODY)[HEAD] is Recipient.HEAD_OF_LEAD


def test_a_task_handed_back_to_the_same_agency_is_told_to_its_head_as_the_lead() -> None:
    event = task_told("reassigned", details={"from_agency": "so-tai-chinh"})
    assert recipients_of(occasion_of(event), EVERYBODY)[HEAD] is Recipient.HEAD_OF_LEAD


def test_a_disabled_account_is_told_nothing() -> None:
    people = [replace(person, disabled=person.username == HEAD) for person in EVERYBODY]
    assert set(recipients_of(occasion_of(task_told("corrected")), people)) == {CLERK}


def test_a_program_is_told_nothing_even_as_the_officer() -> None:
    assert who_is_told(task_told("delegated", HEAD, officer="pm-tai-chinh")) == set()


def test_every_head_of_an_agency_is_told() -> None:
    people = [*EVERYBODY, Person("pgd-tai-chinh", Role.HEAD, "so-tai-chinh")]
    assert set(recipients_of(occasion_of(task_told("corrected")), people)) == {HEAD, CLERK, "pgd-tai-chinh"}


def test_without_monitor_officer_or_coordinating_agencies_the_lead_alone_is_told() -> None:
    event = task_told("recalled", monitor=None, officer=None, coordinating_agencies=())
    assert who_is_told(event) == {HEAD, CLERK}


def test_a_change_of_the_directory_is_no_occasion() -> None:
    with pytest.raises(TypeError):
        occasion_of(account_told(HEAD))
