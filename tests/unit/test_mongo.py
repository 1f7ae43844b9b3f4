"""What counts as MongoDB being away, and the filter of what an account sees."""

from __future__ import annotations

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from shared.mongo import Index, ascending, is_away
from shared.office.access import Principal, sight_filter
from shared.office.vocabulary import Role


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect(),
        NetworkTimeout(),
        ServerSelectionTimeoutError(),
        OperationFailure("shutting down", 91),
        OperationFailure("not let in", 18),
        OperationFailure("disk full", 14031),
    ],
)
def test_a_server_that_cannot_be_asked_is_away(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize("error", [DuplicateKeyError("taken", 11000), OperationFailure("bad value", 2), ValueError()])
def test_an_answer_that_displeases_is_no_absence(error: Exception) -> None:
    assert not is_away(error)


@pytest.mark.parametrize(
    ("role", "agency", "seen"),
    [
        (Role.LEADER, None, {}),
        (Role.COORDINATOR, "VPUBND", {}),
        (Role.AUDITOR, None, {}),
        (Role.HEAD, "STC", {"agencies": "STC"}),
        (Role.CLERK, "STC", {"agencies": "STC"}),
        (Role.SERVICE, "STC", {"agencies": "STC"}),
        (Role.OFFICER, "STC", {"officer": "le.van.chi", "lead_agency": "STC"}),
        (Role.OFFICER, None, {"_id": {"$in": []}}),
        (Role.ADMINISTRATOR, None, {"_id": {"$in": []}}),
        (Role.HEAD, None, {"_id": {"$in": []}}),
    ],
)
def test_a_role_sees_its_tasks_and_no_others(role: Role, agency: str | None, seen: dict[str, object]) -> None:
    assert sight_filter(Principal("le.van.chi", role, agency)) == seen


def test_an_index_says_only_what_it_needs() -> None:
    plain = Index("tasks", ascending("due_at", "_id")).model().document
    assert dict(plain) == {"key": {"due_at": 1, "_id": 1}, "name": "due_at_1__id_1"}
    ending = Index("sessions", ascending("ends_at"), expire_after=0).model().document
    assert (ending["key"], ending["expireAfterSeconds"]) == ({"ends_at": 1}, 0)
    partial = Index("tasks", ascending("replaces"), unique=True, partial={"replaces": {"$exists": True}}, name="once")
    assert dict(partial.model().document) == {
        "key": {"replaces": 1},
        "unique": True,
        "partialFilterExpression": {"replaces": {"$exists": True}},
        "name": "once",
    }
