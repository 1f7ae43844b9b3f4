"""Who is told. The expectations are a table of their own, written by hand from the office's rule, person by person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.notification.rules.occasion import occasion_of
from services.notification.rules.routing import RECIPIENTS, WITHOUT_LINK, Person, Recipient, recipients_of
from services.notification.rules.severity import SEVERITY, Severity, severity_of
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event
from shared.events.names import DEADLINE_KINDS, TASK_FACTS
from shared.office.vocabulary import Role
from tests.support.notification_events import PEOPLE, account_told, moment_told, task_told

EVERYBODY = [Person(username, role, agency) for username, (role, agency) in PEOPLE.items()]
HEAD, CLERK, OFFICER = "gd-tai-chinh", "vt-tai-chinh", "cv-tai-chinh"
ASSIGNER, ENTERED = "chu-tich", "dieu-phoi"
OTHERS = {"gd-xay-dung", "gd-noi-vu", "chanh-thanh-tra"}
COORDINATORS = {ENTERED, "dieu-phoi-khac"}

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
    ("explanation_required", "system", {HEAD, CLERK, OFFICER, "chanh-thanh-tra"}),
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
# What the assigner's side is asked to decide.
ASKED_TO_DECIDE = [
    task_told("refused", HEAD),
    task_told("extension_requested", HEAD),
    task_told("reported", HEAD),
    task_told("explanation_submitted", HEAD),
    moment_told("receipt_overdue"),
    moment_told("explanation_overdue"),
]


def told(event: Event[Any], people: list[Person] = EVERYBODY) -> dict[str, Recipient]:
    return recipients_of(occasion_of(event), people)


def who_is_told(event: Event[Any], people: list[Person] = EVERYBODY) -> set[str]:
    return set(told(event, people))


def changed(username: str, **changes: Any) -> list[Person]:
    """Return everybody, and a second coordinator, after one of them has changed."""
    everybody = [*EVERYBODY, Person("dieu-phoi-khac", Role.COORDINATOR, "van-phong")]
    return [replace(one, **changes) if one.username == username else one for one in everybody]


def corrected(**before: Any) -> Event[Any]:
    """Return a correction that left Sở Xây dựng and Sở Nội vụ coordinating, and Thanh tra monitoring."""
    return task_told("corrected", details={f"from_{name}": value for name, value in before.items()})


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


def test_the_officer_from_whom_the_task_is_taken_is_told_without_a_link() -> None:
    delegated = told(task_told("delegated", HEAD, details={"from_officer": "cv-cu"}), [*EVERYBODY, OFFICER_BEFORE])
    assert delegated == {OFFICER: Recipient.OFFICER, "cv-cu": Recipient.FORMER_OFFICER}
    details = {**FORMER, "from_officer": "cv-cu"}
    reassigned = told(task_told("reassigned", officer=None, details=details), [*EVERYBODY, OFFICER_BEFORE])
    assert {reassigned["cv-cu"], reassigned["gd-y-te"]} == {Recipient.FORMER_OFFICER, Recipient.FORMER_HEAD}
    assert {Recipient.FORMER_OFFICER, Recipient.FORMER_HEAD} < WITHOUT_LINK


OFFICER_BEFORE = Person("cv-cu", Role.OFFICER, "so-y-te")


def test_a_task_delegated_anew_to_the_same_officer_is_told_as_a_delegation() -> None:
    event = task_told("delegated", HEAD, details={"from_officer": OFFICER})
    assert told(event) == {OFFICER: Recipient.OFFICER}


def test_a_correction_is_told_to_the_heads_of_agencies_that_it_adds_or_takes_out() -> None:
    lead = {HEAD: Recipient.HEAD_OF_LEAD, CLERK: Recipient.CLERK_OF_LEAD}
    assert told(corrected(coordinating_agencies=["so-noi-vu", "so-y-te"])) == {
        **lead,
        "gd-xay-dung": Recipient.HEADS_OF_ADDED,
        "gd-y-te": Recipient.HEADS_OF_TAKEN_OUT,
    }
    assert told(corrected(monitor=None)) == {**lead, "chanh-thanh-tra": Recipient.HEAD_OF_NEW_MONITOR}
    assert told(corrected(monitor="so-y-te"))["gd-y-te"] is Recipient.HEADS_OF_TAKEN_OUT
    assert Recipient.HEADS_OF_TAKEN_OUT in WITHOUT_LINK


def test_an_agency_that_a_correction_moves_to_another_place_is_not_taken_out() -> None:
    to_monitor = corrected(coordinating_agencies=["so-xay-dung", "so-noi-vu", "thanh-tra"], monitor=None)
    assert told(to_monitor)["chanh-thanh-tra"] is Recipient.HEAD_OF_NEW_MONITOR
    to_coordinate = corrected(coordinating_agencies=["so-noi-vu"], monitor="so-xay-dung")
    assert told(to_coordinate)["gd-xay-dung"] is Recipient.HEADS_OF_ADDED


def test_a_correction_of_something_else_is_told_to_the_lead_alone() -> None:
    assert who_is_told(corrected()) == {HEAD, CLERK}
    same = corrected(coordinating_agencies=["so-xay-dung", "so-noi-vu"], monitor="thanh-tra")
    assert who_is_told(same) == {HEAD, CLERK}


@pytest.mark.parametrize("event", ASKED_TO_DECIDE)
@pytest.mark.parametrize(
    "change",
    [
        {"role": Role.OFFICER, "agency": "so-noi-vu"},
        {"role": Role.HEAD, "agency": "so-y-te"},
        {"role": Role.ADMINISTRATOR, "agency": None},
        {"disabled": True},
    ],
)
def test_who_may_no_longer_see_the_task_is_told_nothing(event: Event[Any], change: dict[str, Any]) -> None:
    lead = who_is_told(event) - {ASSIGNER, ENTERED}
    assert who_is_told(event, changed(ENTERED, **change)) == {*lead, ASSIGNER}
    assert who_is_told(event, changed(ASSIGNER, **change)) == {*lead, ENTERED}


@pytest.mark.parametrize("event", ASKED_TO_DECIDE)
def test_where_nobody_is_left_to_decide_every_coordinator_is_told(event: Event[Any]) -> None:
    lead = who_is_told(event) - {ASSIGNER, ENTERED}
    both = [replace(one, disabled=one.username in {ASSIGNER, ENTERED}) for one in changed("")]
    assert who_is_told(event, both) == {*lead, "dieu-phoi-khac"}
    entered_alone = event.model_copy(update={"data": _entered_by(event.data, ASSIGNER)})
    assert who_is_told(entered_alone, changed(ASSIGNER, disabled=True)) == lead | COORDINATORS


def _entered_by(data: Any, username: str) -> Any:
    if isinstance(data, DeadlineReached):
        return data.model_copy(update={"entered_by": username})
    return data.model_copy(update={"task": data.task.model_copy(update={"entered_by": username})})


def test_an_assigner_who_may_see_but_not_decide_is_told_and_so_is_every_coordinator() -> None:
    event = task_told("reported", HEAD, entered_by=ASSIGNER)
    assert who_is_told(event, changed(ASSIGNER, role=Role.AUDITOR)) == {ASSIGNER, *COORDINATORS}


def test_while_somebody_who_entered_it_can_decide_no_other_coordinator_is_told() -> None:
    event = task_told("reported", HEAD)
    assert who_is_told(event, changed(ASSIGNER, disabled=True)) == {ENTERED}


def test_of_deciders_who_are_not_known_nothing_is_concluded() -> None:
    event = task_told("reported", HEAD)
    unknown = [one for one in changed(ENTERED, disabled=True) if one.username != ASSIGNER]
    assert who_is_told(event, unknown) == set()


def test_every_kind_has_a_severity_and_old_and_new_ones_may_be_read() -> None:
    assert set(RECIPIENTS) <= set(SEVERITY)
    assert {severity_of(kind) for kind in SEVERITY} == set(Severity)
    assert severity_of("task.of_a_later_version") is Severity.INFO


def test_a_change_of_the_directory_is_no_occasion() -> None:
    with pytest.raises(TypeError):
        occasion_of(account_told(HEAD))
