"""What counts as a difference between a service and assignment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.deadline import check as deadline
from services.deadline.settings import DeadlineSettings
from services.notification import check as notification
from services.notification.rules.routing import Occasion, Person
from services.reporting import check as reporting
from services.reporting.rules.versions import NEWEST, version_of_task
from shared.commands.assignment import Assignment
from shared.commands.check import Comparison, check_command, compare
from shared.commands.command_line import run
from shared.commands.difference import ADVICE, Difference, DifferenceKind, KnownState, compare_known, resend_calls
from shared.events.task import HistoryEntry, Task
from shared.office.vocabulary import Role
from tests.support.deadline_tasks import ASSIGNED_AT, a_task

HISTORY = [
    HistoryEntry(sequence=number, at=ASSIGNED_AT, act=act, by="chu.tich")
    for number, act in enumerate(["assigned", "received", "delegated"], start=1)
]


def subjects(found: Sequence[Difference] | Iterator[Difference]) -> list[tuple[str, str]]:
    return [(one.kind, one.subject) for one in found]


def test_a_watch_that_lags_behind_has_missed_every_version_since() -> None:
    task = a_task(version=3)
    assert subjects(deadline.compare_task(task, a_task(version=1), HISTORY)) == [
        ("missed-event", "t-1:2"),
        ("missed-event", "t-1:3"),
    ]
    assert len(deadline.compare_task(task, None, HISTORY)) == 3
    assert deadline.compare_task(task, a_task(version=3), ()) == []


def test_a_watch_of_the_same_version_must_be_the_same_task() -> None:
    moved = a_task(due_at=ASSIGNED_AT, officer="an")
    assert deadline.compare_task(a_task(), moved, ()) == [
        Difference(DifferenceKind.DIFFERS, "t-1", "version 1: officer, due_at")
    ]


def test_what_assignment_does_not_have_or_not_yet_is_named() -> None:
    assert subjects(deadline.compare_task(None, a_task(), ())) == [("unknown-task", "t-1")]
    assert deadline.compare_task(None, None, ()) == []
    assert subjects(deadline.compare_task(a_task(), a_task(version=2), ())) == [("ahead", "t-1")]


def rows_of(*tasks: Task) -> list[dict[str, Any]]:
    """Return the rows of versions that each hold until the next."""
    ends = [*(task.updated_at for task in tasks[1:]), NEWEST]
    return [
        asdict(version_of_task(task, task.version, task.updated_at)) | {"until": until}
        for task, until in zip(tasks, ends, strict=True)
    ]


def versions(count: int) -> list[Task]:
    return [a_task(version=n, updated_at=ASSIGNED_AT + timedelta(hours=n)) for n in range(1, count + 1)]


def test_every_version_has_its_row() -> None:
    tasks = versions(3)
    rows = rows_of(*tasks)
    assert list(reporting.compare_task(tasks[-1], rows, ())) == []
    assert subjects(reporting.compare_task(tasks[-1], rows[1:2], HISTORY)) == [
        ("missed-event", "t-1:1"),
        ("missed-event", "t-1:3"),
    ]
    assert subjects(reporting.compare_task(tasks[1], rows, HISTORY)) == [("ahead", "t-1")]


@pytest.mark.parametrize("field", sorted(set(rows_of(a_task())[0]) - {"task", "sequence", "until"}))
def test_every_figure_of_the_newest_row_is_compared(field: str) -> None:
    rows = rows_of(a_task())
    rows[0][field] = ASSIGNED_AT + timedelta(days=365)
    assert list(reporting.compare_task(a_task(), rows, ())) == [
        Difference(DifferenceKind.DIFFERS, "t-1", f"version 1: {field}")
    ]


def test_a_row_holds_until_the_earliest_of_those_after_it() -> None:
    rows = rows_of(*versions(3))
    rows[0]["until"] = NEWEST
    assert list(reporting.compare_task(versions(3)[-1], rows, ())) == [
        Difference(DifferenceKind.DIFFERS, "t-1", "version 1: until")
    ]


OCCASION = Occasion(kind="task.urged", task_id="t", lead_agency="so-1", assigner="chu.tich", entered_by="chu.tich")


def told_at(moment: datetime, *holders: notification.Holder) -> list[str]:
    return notification.Holders(holders).recipients_of(OCCASION, moment)


def test_only_who_held_the_place_then_was_to_be_told() -> None:
    later = ASSIGNED_AT + timedelta(hours=1)
    first = notification.Holder(Person("an", Role.HEAD, "so-1"), ASSIGNED_AT)
    second = notification.Holder(Person("binh", Role.HEAD, "so-1"), later)
    unknown = notification.Holder(Person("chi", Role.CLERK, "so-1"), None)
    disabled = replace(first, person=Person("dung", Role.HEAD, "so-1", disabled=True))
    elsewhere = replace(first, person=Person("em", Role.HEAD, "so-2"))
    assert told_at(ASSIGNED_AT, first, second, unknown, disabled, elsewhere) == ["an"]
    assert told_at(later, first, second) == ["an", "binh"]


def test_an_event_is_missed_when_nobody_was_told_of_it() -> None:
    telling = notification.Telling("t:4", "task.urged.v1", {"an": "1", "binh": "2"})
    assert subjects(notification.compare_task([telling], set())) == [("missed-event", "t:4")]
    assert subjects(notification.compare_task([telling], {"1"})) == [("not-told", "t:4")]
    assert subjects(notification.compare_task([telling], {"1", "2", "3"})) == []


def test_the_directory_is_compared_by_sequence_and_then_by_content() -> None:
    theirs = {"a": KnownState(3, {"name": "A"}), "b": KnownState(1, {"name": "B"}), "c": KnownState(1, {"name": "C"})}
    ours = {"a": KnownState(1, {"name": "cũ"}), "b": KnownState(1, {"name": "khác"}), "c": KnownState(2, {"name": "C"})}
    assert subjects(compare_known("agency", "agency.changed.v1", theirs, ours)) == [
        ("missed-event", "agency:a:2"),
        ("missed-event", "agency:a:3"),
        ("differs", "agency:b"),
        ("ahead", "agency:c"),
    ]
    assert list(compare_known("agency", "agency.changed.v1", theirs, theirs)) == []


def test_every_kind_comes_with_what_to_do() -> None:
    assert ADVICE.keys() == set(DifferenceKind)


def at_assignment(*task_ids: str) -> Assignment:
    """Return an assignment whose list of tasks is this."""

    async def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"items": [{"id": task_id} for task_id in task_ids], "next_cursor": None})

    class Token:
        async def token(self, _http: httpx2.AsyncClient) -> str:
            return "token"

    return Assignment(httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://a"), Token())


class Looks:
    """A comparison that finds, look by look, what each task is given here."""

    def __init__(self, found: dict[str, list[list[str]]]) -> None:
        self._found = found
        self.looks = 0

    async def known_tasks(self) -> AsyncIterator[str]:
        for task_id in self._found:
            yield task_id

    async def of_directory(self) -> Sequence[Difference]:
        return ()

    async def of_task(self, task_id: str) -> Sequence[Difference]:
        self.looks += 1
        left = self._found[task_id]
        details = left.pop(0) if len(left) > 1 else left[0]
        return [Difference(DifferenceKind.MISSED, task_id, detail) for detail in details]


async def found_by(comparison: Comparison, patience: float = 0.05) -> list[tuple[str, str]]:
    findings = await compare(at_assignment("a"), comparison, patience)
    return [(one.subject, one.detail) for one in findings.differences]


async def test_only_what_every_look_finds_is_a_difference() -> None:
    assert await found_by(Looks({"a": [["2", "3"], ["3", "4"]], "b": [["1"]]})) == [("a", "3"), ("b", "1")]


async def test_what_is_gone_when_looked_at_again_is_none_and_ends_the_waiting() -> None:
    looks = Looks({"a": [["2"], []], "b": [[]]})
    assert await found_by(looks, patience=60) == []
    assert looks.looks == 3


async def test_without_patience_it_still_looks_twice() -> None:
    assert await found_by(Looks({"a": [["2"], []]}), patience=0) == []


@pytest.mark.parametrize("patience", ["nan", "inf", "-inf", "-1", "soon"])
def test_a_patience_that_never_ends_is_refused(patience: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = check_command(DeadlineSettings, deadline.comparison)
    asked = ["check", "--assignment", "http://127.0.0.1:1", "--username", "kiemtra", f"--patience={patience}"]
    with pytest.raises(SystemExit) as ended:
        run(DeadlineSettings, lambda _settings: pytest.fail("it serves"), [command], asked)
    assert ended.value.code == 2
    assert f"argument --patience: no number of seconds: {patience}" in capsys.readouterr().err


def test_the_calls_that_mend_name_each_task_once() -> None:
    def of(kind: DifferenceKind, *subjects: str) -> list[Difference]:
        return [Difference(kind, subject, "") for subject in subjects]

    lost = of(DifferenceKind.MISSED, "t-1:1", "t-1:2", "agency:stc:1", "account:a:b:3")
    untold, others = of(DifferenceKind.NOT_TOLD, "t-2:1"), of(DifferenceKind.DIFFERS, "t-3")
    assert resend_calls([*lost, *untold, *others]) == [
        "python -m services.assignment resend --directory",
        "python -m services.assignment resend --task t-1 t-2",
    ]
    assert resend_calls(others) == []
    many = of(DifferenceKind.MISSED, *(f"t-{number}:1" for number in range(101)))
    assert resend_calls([*lost, *many]) == ["python -m services.assignment resend --all"]
