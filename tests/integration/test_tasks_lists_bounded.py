"""No list of tasks reads more than a few times what it shows: every filter, in every order, for every role."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, Final, get_args
from unicodedata import combining, normalize

import pytest

from deploy.local.servers import Servers
from services.assignment.tasks.rules.state import Task
from services.assignment.tasks.rules.waiting import Waiting, list_of
from services.assignment.tasks.store import INDEXES, TASKS, Asked, Filters, TaskLists, counts_of, list_query, uncertain
from services.assignment.tasks.store.list_indexes import Sort
from shared.mongo import Record, connect, ensure_indexes
from shared.office.access import Principal, may_see
from shared.office.timeliness import NO_DUE, horizon, timeliness
from shared.office.vocabulary import (
    AgencyKind,
    Authority,
    ExplanationState,
    ExtensionState,
    Priority,
    Role,
    Stage,
    Timeliness,
    WaitKind,
)
from shared.office.words import words_asked
from shared.web.pages import Position
from tests.support.many_tasks import CALENDAR, NOW, many_tasks, records
from tests.support.servers import Databases
from tests.support.waiting_oracle import has_duty, kinds_for

LIMIT: Final = 50
FEW: Final = 1_000
"""Where the tests draw the line: at twenty thousand tasks it lies lower than at a million."""
HORIZON: Final = horizon(NOW, CALENDAR, CALENDAR.policy)
TODAY: Final = CALENDAR.local_day(NOW)

PRINCIPALS: Final[Mapping[str, Principal]] = {
    "leader": Principal("leader-1", Role.LEADER),
    "coordinator": Principal("coordinator", Role.COORDINATOR, "office"),
    "auditor": Principal("auditor", Role.AUDITOR),
    "administrator": Principal("administrator", Role.ADMINISTRATOR),
    "head": Principal("head-7", Role.HEAD, "agency-7"),
    "head of the busiest agency": Principal("head-0", Role.HEAD, "agency-0"),
    "clerk": Principal("clerk-7", Role.CLERK, "agency-7"),
    "program": Principal("program-7", Role.SERVICE, "agency-7"),
    "officer": Principal("officer-7-1", Role.OFFICER, "agency-7"),
}
VALUES: Final[Mapping[str, Sequence[Any]]] = {
    "stage": tuple(Stage),
    "timeliness": tuple(Timeliness),
    "lead_agency": ("agency-7", "agency-0", "nobody"),
    "coordinating_agency": ("agency-7", "agency-0", "nobody"),
    "assigner": ("leader-1", "nobody"),
    "officer": ("officer-7-1", "officer-0-1", "nobody"),
    "document": ("123/QĐ", "795/QĐ", "nothing"),
    "field": ("field-7", "field-3", "nothing"),
    "due": ("today", "next week", "a week of last year", "from next month", "the last month", "until last year"),
    "updated_since": (NOW - timedelta(hours=6), NOW - timedelta(days=1), NOW - timedelta(days=300)),
    "waiting": ("me", "others"),
    "q": ("báo cáo", "GIẢI NGÂN", "dich", "giai ngan dot xuat", "du an 777", "bao cao 1", "795/qd", "nothing"),
    "kind": (AgencyKind.COMMUNE, AgencyKind.OFFICE, AgencyKind.UNIT),
    "priority": (Priority.NORMAL, Priority.EXPRESS),
    "authority": (Authority.CHAIR, Authority.COMMITTEE),
    "explanation": tuple(ExplanationState),
    "extension": tuple(ExtensionState),
    "batch": ("batch-4", "nothing"),
    "missed": (True,),
    "finished_unreported": (True,),
    "no_officer": (True,),
    "assigned": ("today", "the last week", "a week of last year", "the last three months", "until last year"),
    "completed": ("today", "the last week", "a week of last year", "the last three months", "until last year"),
}
KIND_OF: Final = {
    f"agency-{number}": kind
    for kind, numbers in {
        AgencyKind.OFFICE: range(1),
        AgencyKind.DEPARTMENT: range(1, 10),
        AgencyKind.COMMUNE: range(10, 40),
    }.items()
    for number in numbers
}
_DUE: Final[Mapping[str, tuple[int | None, int | None]]] = {
    "today": (0, 0),
    "next week": (7, 13),
    "a week of last year": (-364, -358),
    "from next month": (31, None),
    "the last month": (-31, -1),
    "until last year": (None, -365),
    "the last week": (-6, 0),
    "the last three months": (-90, 0),
}
"""The days from today of the filters `…_from` and `…_to`."""
_MOMENTS: Final = {"due": "due_at", "assigned": "assigned_at", "completed": "completed_at"}


@dataclass(frozen=True)
class Question:
    """What is asked of the list, by its readable names."""

    who: str
    sort: Sort
    wanted: Mapping[str, Any]

    def asked(self) -> Asked:
        principal, wanted = PRINCIPALS[self.who], dict(self.wanted)
        for name in _MOMENTS.keys() & wanted.keys():
            first, last = _DUE[wanted.pop(name)]
            wanted |= {f"{name}_from": _day(first), f"{name}_to": _day(last)}
        if "waiting" in wanted:
            wanted["waiting"] = list_of(principal, wanted["waiting"])
        if "q" in wanted:
            wanted["words"] = words_asked(wanted.pop("q"))
        of_kind = tuple(sorted(code for code, kind in KIND_OF.items() if kind is wanted.get("kind")))
        return Asked(principal, Filters(**wanted), self.sort, HORIZON, CALENDAR, of_kind if "kind" in wanted else None)

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.wanted.items())
        return f"{self.who}, by {self.sort}: {named or 'everything'}"


def _day(days: int | None) -> date | None:
    return None if days is None else TODAY + timedelta(days=days)


# What is left out, and why

_AGENCY: Final = ("head", "head of the busiest agency", "clerk", "program")
_EVERYBODY: Final = tuple(PRINCIPALS)
_TWO_SETS: Final = (
    "two large sets with few tasks in both; an index for each pair would cost every assignment five times"
)
_TWO_RANGES: Final = "a range of one moment in the order of another: what is in the range is read, and sorted"


@dataclass(frozen=True)
class LeftOut:
    """Lists that may read more: these filters alone, for these roles."""

    name: str
    values: Sequence[Any]
    roles: Sequence[str]
    sorts: Sequence[Sort]
    why: str

    def has(self, question: Question) -> bool:
        is_asked = question.who in self.roles and question.sort in self.sorts
        return is_asked and any(question.wanted.get(self.name) == value for value in self.values)


def _sorts_but(field: str) -> list[Sort]:
    return [sort for sort in get_args(Sort) if field not in sort]


_LONG_AGO: Final = "a frequent word of tasks that lie far from the beginning of the order"
_LONG: Final = ("the last three months", "until last year")
LEFT_OUT: Final = (
    LeftOut("officer", ("officer-0-1",), _AGENCY, get_args(Sort), _TWO_SETS),
    LeftOut("due", ("the last month", "until last year"), _EVERYBODY, _sorts_but("due_at"), _TWO_RANGES),
    LeftOut("assigned", _LONG, _EVERYBODY, _sorts_but("assigned_at"), _TWO_RANGES),
    LeftOut("completed", _LONG, _EVERYBODY, _sorts_but("completed_at"), _TWO_RANGES),
    LeftOut("updated_since", (NOW - timedelta(days=300),), _EVERYBODY, _sorts_but("updated_at"), _TWO_RANGES),
    LeftOut("q", ("dich",), _EVERYBODY, get_args(Sort), _LONG_AGO),
)


# What every answer must be, worked out without a database


TASKS_MADE: Final = many_tasks()


def _searched(task: Task) -> str:
    return f"{task.title} {task.product} {task.document.number if task.document else None}"


@cache
def _plain(text: str) -> list[str]:
    letters = "".join(each for each in normalize("NFD", text.lower()) if not combining(each))
    return letters.replace("đ", "d").replace(",", "").split()


_ALSO_HOLDS: Final[Mapping[str, Callable[[Task, Any], bool]]] = {
    "q": lambda task, text: all(any(has.startswith(word) for has in _plain(_searched(task))) for word in _plain(text)),
    "kind": lambda task, kind: KIND_OF[task.lead_agency] is kind,
    "explanation": lambda task, state: task.explanation.state is state,
    "extension": lambda task, state: task.extension.state is state,
    "missed": lambda task, _: task.missed_at is not None,
    "finished_unreported": lambda task, _: (
        task.stage is Stage.IN_PROGRESS and task.report_due_at is not None and task.report_due_at < NOW
    ),
    "no_officer": lambda task, _: task.stage in {Stage.RECEIVED, Stage.IN_PROGRESS} and task.officer is None,
}


def _holds(name: str, value: Any, task: Task) -> bool:
    if name == "timeliness":
        return timeliness(task.stage, task.due_at, task.current_submission, HORIZON) is value
    if name in _MOMENTS:
        first, last = _DUE[value]
        moment = getattr(task, _MOMENTS[name])
        day = CALENDAR.local_day(moment) if moment else None
        return day is not None and (_day(first) or date.min) <= day <= (_day(last) or date.max)
    if name == "coordinating_agency":
        return value in task.coordinating_agencies
    if name == "document":
        return task.document is not None and task.document.number == value
    if name == "updated_since":
        return bool(task.updated_at >= value)
    return _ALSO_HOLDS[name](task, value) if name in _ALSO_HOLDS else bool(getattr(task, name) == value)


@cache
def _having(name: str, value: Any) -> frozenset[str]:
    return frozenset(task.id for task in TASKS_MADE if _holds(name, value, task))


@cache
def _waiting(who: str, value: Waiting) -> frozenset[str]:
    caller = PRINCIPALS[who]
    mine = {task.id for task in TASKS_MADE if kinds_for(task, caller)}
    others = {task.id for task in TASKS_MADE if has_duty(task, caller)} - mine
    return frozenset(mine if value == "me" else others)


@cache
def _seen_by(who: str) -> frozenset[str]:
    return frozenset(task.id for task in TASKS_MADE if may_see(PRINCIPALS[who], task))


def expected(question: Question) -> list[Task]:
    sets = [
        _waiting(question.who, value) if name == "waiting" else _having(name, value)
        for name, value in question.wanted.items()
    ]
    found = _seen_by(question.who).intersection(*sets)
    return [task for task in _in_order(question.sort) if task.id in found]


@cache
def _in_order(sort: Sort) -> list[Task]:
    return sorted(TASKS_MADE, key=lambda task: _key(sort, task), reverse=sort.startswith("-"))


def _value(sort: Sort, task: Task) -> Any:
    moment: datetime | None = getattr(task, sort.removeprefix("-"))
    return NO_DUE if moment is None and "due_at" in sort else moment


def _key(sort: Sort, task: Task) -> tuple[Any, str]:
    return _value(sort, task) or datetime.min.replace(tzinfo=UTC), task.id


# What the server read


@dataclass(frozen=True)
class Lists:
    """The lists of a filled database, and what its server recorded of the last query."""

    lists: TaskLists
    profile: Any

    async def page(self, question: Question, after: Task | None) -> tuple[list[str], Record]:
        """Return the ids of a page and what MongoDB's profile says of it; empty if nothing was asked of it."""
        position = Position(_value(question.sort, after), after.id) if after else None
        asked = question.asked()
        query = list_query(asked, position, await self.lists.fewest(uncertain(asked)))
        found = [record["_id"] for record in await self.lists.listed(query, LIMIT + 1)]
        if not query.ranges:
            return found, {}
        (read,) = await self.profile.find({"op": "query"}).sort("$natural", -1).limit(1).to_list(1)
        return found, read


@pytest.fixture(scope="module")
async def filled(servers: Servers) -> AsyncIterator[Lists]:
    async with AsyncExitStack() as afterwards:
        made = await Databases(servers, afterwards).create()
        client = connect(made.uri, "tests")
        afterwards.callback(client.close)
        await ensure_indexes(client[made.name], INDEXES)
        watched = servers.administration[made.name]
        await watched[TASKS].insert_many(records(TASKS_MADE))
        await watched.command("profile", 2)
        yield Lists(TaskLists(client[made.name], few=FEW), watched["system.profile"])
        await watched.command("profile", 0)


async def excess(filled: Lists, question: Question) -> list[str]:
    """Return what is wrong with the first page of an answer and one from the middle.

    What has to be counted first is read whole if it has few tasks. If it has many, as many of the others are read.
    """
    whole, wrong = expected(question), list[str]()
    few = FEW if uncertain(question.asked()) else 0
    for start in sorted({0, len(whole) // 2}):
        page, read = await filled.page(question, whole[start - 1] if start else None)
        if page != [task.id for task in whole[start : start + LIMIT + 1]]:
            wrong.append(f"{question}: after {start}, another page")
        assert not read or "hint" in read["command"], f"{question}: the index is missing"
        bound = 4 * len(page) + 200 + 2 * few
        keys, documents = read.get("keysExamined", 0), read.get("docsExamined", 0)
        if max(keys, documents) > bound:
            wrong.append(f"{question}: after {start}, {keys} keys and {documents} documents for {len(page)}")
    return wrong


SORTS_OF: Final[Mapping[str, Sequence[Sort]]] = {
    "leader": get_args(Sort),
    "head": ("-assigned_at", "due_at", "-updated_at", "-completed_at"),
    "head of the busiest agency": ("due_at", "-updated_at"),
    "officer": ("-assigned_at", "-completed_at"),
}
"""Others see what a leader or a head sees, by the same conditions. The orders that are not here are backwards."""


def single(who: str) -> Iterator[Question]:
    for sort in SORTS_OF.get(who, ("-assigned_at",)):
        yield Question(who, sort, {})
        for name, values in VALUES.items():
            for value in values:
                yield Question(who, sort, {name: value})


@pytest.mark.parametrize("who", PRINCIPALS)
async def test_every_filter_in_every_order_is_bounded(filled: Lists, who: str) -> None:
    asked = [question for question in single(who) if not any(one.has(question) for one in LEFT_OUT)]
    wrong = [line for question in asked for line in await excess(filled, question)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("left_out", LEFT_OUT, ids=lambda one: one.name)
async def test_what_is_left_out_would_read_more_and_is_answered_rightly(filled: Lists, left_out: LeftOut) -> None:
    asked = [question for who in left_out.roles for question in single(who) if left_out.has(question)]
    assert [line for question in asked for line in await excess(filled, question)]


OPEN_ONLY: Final[Sequence[Mapping[str, Any]]] = (
    {"stage": Stage.ASSIGNED},
    {"stage": Stage.REFUSED},
    {"timeliness": Timeliness.OVERDUE},
    {"timeliness": Timeliness.DUE_SOON},
    {"timeliness": Timeliness.NO_DEADLINE},
)


@pytest.mark.parametrize("who", ["leader", "head", "officer"])
async def test_what_is_open_is_bounded_whatever_else_narrows_it(filled: Lists, who: str) -> None:
    wrong: list[str] = []
    for one, sort, name in product(OPEN_ONLY, ("-assigned_at", "-updated_at"), VALUES):
        wrong += await excess(filled, Question(who, sort, {**one, name: VALUES[name][-1], **one}))
    assert not wrong, "\n".join(wrong)


COUNTED: Final[Sequence[Mapping[str, Any]]] = (
    {},
    {"stage": Stage.ASSIGNED},
    {"q": "giải ngân", "priority": Priority.NORMAL},
    {"q": "nothing"},
    {"kind": AgencyKind.COMMUNE, "completed": "until last year"},
    {"missed": True, "authority": Authority.CHAIR},
)


@pytest.mark.parametrize("who", ["leader", "head", "officer", "administrator"])
async def test_a_count_is_exact_up_to_where_it_ends(filled: Lists, who: str) -> None:
    for wanted in COUNTED:
        question = Question(who, "-assigned_at", wanted)
        asked, there = question.asked(), len(expected(question))
        query = list_query(asked, None, await filled.lists.fewest(uncertain(asked)))
        assert await filled.lists.count(query) == (min(there, 10_000), there <= 10_000), question


# The numbers of `/v1/me/work`


@pytest.mark.parametrize("who", PRINCIPALS)
async def test_numbers_are_counted_in_the_index_and_no_task_is_read(filled: Lists, who: str) -> None:
    caller = PRINCIPALS[who]
    wanted = counts_of(caller, HORIZON)
    counted = await filled.lists.counted(wanted)
    assert counted == _numbers(caller)
    (read,) = await filled.profile.find({"op": "command"}).sort("$natural", -1).limit(1).to_list(1)
    assert read["command"]["aggregate"] == TASKS
    assert read["docsExamined"] == 0
    assert read["keysExamined"] <= sum(counted.values()) + 2 * len(wanted)


def _numbers(caller: Principal) -> Mapping[str, int]:
    kinds = Counter(kind for task in TASKS_MADE for kind in kinds_for(task, caller))
    duty = [task for task in TASKS_MADE if has_duty(task, caller)]
    values = Counter(timeliness(task.stage, task.due_at, task.current_submission, HORIZON) for task in duty)
    return {
        **{kind: kinds[kind] for kind in WaitKind},
        "total": sum(bool(kinds_for(task, caller)) for task in TASKS_MADE),
        "others": sum(not kinds_for(task, caller) for task in duty),
        **{value: values[value] for value in (Timeliness.DUE_SOON, Timeliness.DUE_TODAY, Timeliness.OVERDUE)},
    }
