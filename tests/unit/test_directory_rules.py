"""What holds for agencies and accounts, whoever asks."""

from __future__ import annotations

import pytest

from services.assignment.directory.rules.account import (
    Account,
    require_allowed_change,
    require_fields_of_role,
    require_password_of_person,
    sees_account,
)
from services.assignment.directory.rules.agency import Agency, require_valid_parent
from shared.office.access import Principal
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import AgencyKind, Role, Scope


def refused(refusal: pytest.ExceptionInfo[Refusal]) -> tuple[str, list[tuple[str, str]]]:
    return refusal.value.code.value, [(problem.field, problem.code) for problem in refusal.value.violations]


@pytest.mark.parametrize("role", ["coordinator", "head", "clerk", "officer", "service"])
def test_a_role_of_an_agency_needs_one(role: str) -> None:
    with pytest.raises(Refusal) as refusal:
        require_fields_of_role(Account("u", "U", Role(role)))
    assert refused(refusal) == ("validation", [("agency", "missing")])


@pytest.mark.parametrize("role", ["leader", "auditor", "administrator"])
def test_a_role_of_the_province_needs_no_agency(role: str) -> None:
    require_fields_of_role(Account("u", "U", Role(role)))


def test_scopes_are_for_programs_only() -> None:
    scopes = frozenset({Scope.TASKS_ACT})
    require_fields_of_role(Account("u", "U", Role.SERVICE, "a", scopes=scopes))
    with pytest.raises(Refusal) as refusal:
        require_fields_of_role(Account("u", "U", Role.HEAD, scopes=scopes))
    assert refused(refusal) == ("validation", [("agency", "missing"), ("scopes", "not-allowed")])


def test_a_person_needs_a_password_and_a_program_may_have_none() -> None:
    person, program = Account("u", "U", Role.LEADER), Account("p", "P", Role.SERVICE, "a")
    require_password_of_person(person, given=True)
    require_password_of_person(program, given=False)
    with pytest.raises(Refusal) as without:
        require_password_of_person(person, given=False)
    with pytest.raises(Refusal) as with_one:
        require_password_of_person(program, given=True)
    assert refused(without) == ("validation", [("password", "missing")])
    assert refused(with_one) == ("validation", [("password", "not-allowed")])


@pytest.mark.parametrize(("before", "after"), [("head", "service"), ("service", "clerk")])
def test_a_person_never_becomes_a_program_nor_the_reverse(before: str, after: str) -> None:
    account = Account("u", "U", Role(before), "a")
    with pytest.raises(Refusal) as refusal:
        require_allowed_change(account, account.changed({"role": Role(after)}), another_administers=True)
    assert refused(refusal) == ("validation", [("role", "not-allowed")])


@pytest.mark.parametrize(
    ("changes", "field"), [({"disabled": True}, "disabled"), ({"role": Role.LEADER}, "role")], ids=["out", "demoted"]
)
def test_the_last_administrator_stays(changes: dict[str, object], field: str) -> None:
    account = Account("u", "U", Role.ADMINISTRATOR)
    require_allowed_change(account, account.changed(changes), another_administers=True)
    with pytest.raises(Refusal) as refusal:
        require_allowed_change(account, account.changed(changes), another_administers=False)
    assert refused(refusal) == ("validation", [(field, "last-administrator")])


def test_an_administrator_already_disabled_is_no_last_one() -> None:
    account = Account("u", "U", Role.ADMINISTRATOR, disabled=True)
    require_allowed_change(account, account.changed({"role": Role.LEADER}), another_administers=False)


def test_a_change_is_the_next_version() -> None:
    assert Account("u", "U", Role.LEADER, version=4).changed({"position": "Chủ tịch"}).version == 5
    assert Agency("a", "A", AgencyKind.UNIT, version=1).changed({"short_name": "A"}).version == 2


@pytest.mark.parametrize("changes", [{}, {"parent": None}, {"name": "A", "kind": AgencyKind.UNIT}])
def test_a_change_of_nothing_is_no_version(changes: dict[str, object]) -> None:
    agency = Agency("a", "A", AgencyKind.UNIT, version=3)
    assert agency.changed(changes) is agency
    account = Account("u", "U", Role.LEADER, version=3)
    assert account.changed({"role": Role.LEADER, "agency": None}) is account


def test_a_parent_must_be_known() -> None:
    require_valid_parent(Agency("a", "A", AgencyKind.UNIT), [])
    require_valid_parent(Agency("a", "A", AgencyKind.UNIT, parent="b"), ["b", "c"])
    with pytest.raises(Refusal) as refusal:
        require_valid_parent(Agency("a", "A", AgencyKind.UNIT, parent="b"), [])
    assert refused(refusal) == ("validation", [("parent", "unknown-agency")])


@pytest.mark.parametrize("line", [["a"], ["b", "a"], ["b", "c", "a", "d"]])
def test_an_agency_never_stands_below_itself(line: list[str]) -> None:
    with pytest.raises(Refusal) as refusal:
        require_valid_parent(Agency("a", "A", AgencyKind.UNIT, parent=line[0]), line)
    assert refused(refusal) == (Code.VALIDATION, [("parent", "circle")])


SEES_THE_OTHER_AGENCY = {
    "administrator": True,
    "leader": True,
    "coordinator": True,
    "auditor": True,
    "head": False,
    "clerk": False,
    "officer": False,
    "service": False,
}


@pytest.mark.parametrize(("role", "expected"), SEES_THE_OTHER_AGENCY.items())
def test_who_sees_accounts_of_another_agency(role: str, expected: bool) -> None:
    assert sees_account(Principal("me", Role(role), "a"), Account("u", "U", Role.HEAD, "b")) is expected


def test_two_accounts_without_an_agency_are_not_of_the_same_one() -> None:
    assert not sees_account(Principal("me", Role.HEAD, None), Account("u", "U", Role.LEADER))
