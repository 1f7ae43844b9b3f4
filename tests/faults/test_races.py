"""Simultaneous requests, replicas and moments: two assignments with a relay each, three monitors, and everyone at once.

Requests of a race go to both assignments, so that no lock inside a process can decide it. After each race all services
agree.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

import aio_pika
import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.clock import to_milliseconds
from shared.events.codec import encode
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event, rfc3339
from shared.messaging.topology import events_queue
from tests.faults.conftest import Counts
from tests.support.agreement import assert_agreement
from tests.support.messaging import wait_until
from tests.support.office_work import OfficeWork
from tests.support.province import HANOI, Province, expect
from tests.support.servers import unique
from tests.support.volley import Shot, volley
from tests.support.witness import Witness

ASSIGNMENTS: Final = ("assignment", "assignment-2")
MONITORS: Final = ("deadline", "deadline-2", "deadline-3")
CROWD: Final = 50
DECIDERS: Final = ("chair", "coordinator", "other-coordinator")

Body = dict[str, Any]
Answer = tuple[int, str]
"""The status of an answer, and the code of a problem."""


@dataclass(frozen=True)
class Asked:
    """A request of somebody, under a key."""

    by: str
    path: str
    body: Body
    key: str = field(default_factory=partial(unique, "race"))
    if_match: str | None = None


@dataclass(frozen=True)
class Ground:
    """Where races are run."""

    province: Province
    work: OfficeWork
    witness: Witness

    @property
    def urls(self) -> list[str]:
        return [self.province.stack.url_of(name) for name in ASSIGNMENTS]

    async def all_at_once(self, asked: Sequence[Asked]) -> list[httpx2.Response]:
        """Let requests arrive at the same moment, at one assignment and the other by turns."""
        shots = [
            Shot(self.urls[number % len(self.urls)], one.path, one.body, await self._headers_of(one))
            for number, one in enumerate(asked)
        ]
        answers = await volley(shots)
        for one, answer in zip(asked, answers, strict=True):
            if answer.is_success:
                self.work.acknowledged.add(one.by, one.key, answer.json())
        return answers

    async def outcomes(self, asked: Sequence[Asked]) -> list[Answer]:
        """Let requests arrive at the same moment, and return what came of each."""
        return [of(answer) for answer in await self.all_at_once(asked)]

    async def _headers_of(self, asked: Asked) -> dict[str, str]:
        condition = {"If-Match": asked.if_match} if asked.if_match else {}
        return {**await self.province.as_(asked.by)._signed_in(), "Idempotency-Key": asked.key, **condition}

    async def do(self, task: str, *steps: tuple[str, str, Body]) -> Body:
        """Let acts be done one after the other, each `by, act, body`; return the task after them."""
        done: Body = {}
        for by, act, body in steps:
            done = await self.work.done(by, f"/v1/tasks/{task}/{act}", body)
        return done

    async def assigned(self, *steps: tuple[str, str, Body], **changes: Any) -> str:
        """Assign a task to stc, bring it some steps further, and return its id."""
        body = {"title": "Báo cáo", "lead_agency": "stc", "deadline": self.day(20)} | changes
        sent = {name: value for name, value in body.items() if value is not None}
        task = str((await self.work.done("chair", "/v1/tasks", sent))["id"])
        await self.do(task, *steps)
        return task

    async def read(self, task: str) -> Body:
        return expect(200, await self.province.as_("auditor").get(f"/v1/tasks/{task}"))

    async def history(self, task: str) -> list[Body]:
        answer = await self.province.as_("auditor").get(f"/v1/tasks/{task}/history", limit=200)
        return list(expect(200, answer)["items"])

    async def acts(self, task: str) -> list[str]:
        """Return what its history says was done."""
        return [entry["act"] for entry in await self.history(task)]

    def day(self, later: int) -> str:
        return (self.province.now().astimezone(HANOI).date() + timedelta(days=later)).isoformat()

    async def announced(self, kind: str) -> float:
        """Return how many moments of a kind all monitors together say they have announced."""
        return sum([await _announced_by(self.province, name, kind) for name in MONITORS])


async def _announced_by(province: Province, monitor: str, kind: str) -> float:
    scraped = await province.http.get(f"{province.stack.url_of(monitor)}/metrics")
    families = text_string_to_metric_families(scraped.text)
    samples = (sample for family in families for sample in family.samples)
    return sum(
        one.value for one in samples if one.name == "dondoc_deadline_announced_total" and one.labels["kind"] == kind
    )


@pytest.fixture(scope="module")
async def played_on(province: Province, witness: Witness) -> AsyncIterator[Ground]:
    stack = province.stack
    more = [name for name in (*ASSIGNMENTS, *MONITORS) if "-" in name]
    await asyncio.gather(*map(stack.start, more))
    work = OfficeWork(province, Random(0), [stack.url_of(name) for name in ASSIGNMENTS])  # noqa: S311 - no secret
    await work.sign_in()
    yield Ground(province, work, witness)
    await asyncio.gather(*map(stack.stop, more))


@pytest.fixture
async def ground(
    played_on: Ground, chance: Random, counts: Counts, record_property: Callable[[str, object], None]
) -> AsyncIterator[Ground]:
    """The ground, with the chance of the test; afterwards all services agree."""
    played_on.work.random = chance
    yield played_on
    figures = await assert_agreement(
        played_on.province, played_on.work.acknowledged, played_on.witness, seconds=counts.of(60, 600)
    )
    record_property("agreement", str(figures))


def of(answer: httpx2.Response) -> Answer:
    return answer.status_code, answer.json().get("code", "")


RECEIVED: Final = ("clerk-stc", "receipt", dict[str, Any]())
REPORTED: Final = ("head-stc", "report", {"summary": "Đã hoàn thành"})


def asked_for(day: str) -> tuple[str, str, Body]:
    return "head-stc", "extension", {"new_deadline": day, "reason": "Chờ số liệu"}


# One extension


async def test_of_fifty_simultaneous_approvals_one_is_done(ground: Ground, counts: Counts, chance: Random) -> None:
    """Some are sent again with their key; each grants another day, so that a second one would show."""
    for _ in range(counts.of(4, 20)):
        task = await ground.assigned(RECEIVED, asked_for(ground.day(30)))
        path = f"/v1/tasks/{task}/extension/decision"
        approvals = [
            Asked(chance.choice(DECIDERS), path, {"approved": True, "new_deadline": ground.day(40 + n)})
            for n in range(CROWD - 10)
        ]
        crowd = [*approvals, *chance.choices(approvals, k=10)]
        chance.shuffle(crowd)
        answers = list(zip(crowd, await ground.outcomes(crowd), strict=True))
        done = {asked.key for asked, answer in answers if answer == DONE}
        assert len(done) == 1
        assert {answer for asked, answer in answers if asked.key not in done} == {TOO_LATE}
        assert (await ground.acts(task)).count("extension_approved") == 1
        [granted] = [asked.body["new_deadline"] for asked in approvals if asked.key in done]
        assert (await ground.read(task))["extension"]["requests"][0]["state"] == "approved"
        assert (await ground.read(task))["deadline"] == granted


async def test_of_fifty_simultaneous_requests_for_an_extension_one_waits(ground: Ground, counts: Counts) -> None:
    for _ in range(counts.of(2, 20)):
        task = await ground.assigned(RECEIVED)
        by, act, body = asked_for(ground.day(30))
        answers = await ground.outcomes([Asked(by, f"/v1/tasks/{task}/{act}", body) for _ in range(CROWD)])
        assert Counter(answers) == {(200, ""): 1, (409, "extension-pending"): CROWD - 1}
        assert len((await ground.read(task))["extension"]["requests"]) == 1


# One version, one key


async def test_of_fifty_simultaneous_acts_on_one_version_one_is_done(ground: Ground, counts: Counts) -> None:
    for _ in range(counts.of(2, 20)):
        task = await ground.assigned(RECEIVED)
        path = f"/v1/tasks/{task}/urging"
        crowd = [Asked("chair", path, {"message": f"Lần {n}"}, if_match='"2"') for n in range(CROWD)]
        answers = await ground.outcomes(crowd)
        assert Counter(answers) == {(200, ""): 1, (412, "version-conflict"): CROWD - 1}
        assert (await ground.read(task))["urgings"] == 1


async def test_of_fifty_simultaneous_acts_without_a_version_all_are_done(ground: Ground, counts: Counts) -> None:
    for _ in range(counts.of(1, 20)):
        task = await ground.assigned(RECEIVED)
        crowd = [Asked("chair", f"/v1/tasks/{task}/urging", {"message": f"Lần {n}"}) for n in range(CROWD)]
        answers = await ground.outcomes(crowd)
        assert set(answers) == {(200, "")}
        assert (await ground.read(task))["urgings"] == CROWD


async def test_an_act_sent_fifty_times_at_once_with_one_key_is_done_once(ground: Ground, counts: Counts) -> None:
    for _ in range(counts.of(1, 20)):
        task = await ground.assigned(RECEIVED)
        asked = Asked("chair", f"/v1/tasks/{task}/urging", {"message": "Đề nghị khẩn trương"})
        answers = await ground.all_at_once([asked] * CROWD)
        assert {(answer.status_code, answer.json()["id"], answer.json()["version"]) for answer in answers} == {
            (200, task, 3)
        }
        assert await ground.acts(task) == ["assigned", "received", "urged"]


async def test_a_task_sent_fifty_times_at_once_with_one_key_is_assigned_once(ground: Ground, counts: Counts) -> None:
    for _ in range(counts.of(1, 20)):
        asked = Asked("chair", "/v1/tasks", {"title": "Báo cáo", "lead_agency": "stc", "deadline": ground.day(20)})
        answers = await ground.all_at_once([asked] * CROWD)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CROWD - 1}
        assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_batch_that_is_sent_again_while_it_is_being_made_is_made_once(ground: Ground, counts: Counts) -> None:
    size = counts.of(200, 2_000)
    leads = ["stc", "sxd", "snn", "sct"]
    items = [{"title": f"Việc thứ {n}", "lead_agencies": leads, "deadline": ground.day(20)} for n in range(size // 4)]
    asked = Asked("chair", "/v1/task-batches", {"document": {"number": "7/QĐ"}, "items": items})
    tasks = ground.province.stack.servers.administration[ground.province.stack.databases["assignment"]]["tasks"]
    before = await tasks.count_documents({})
    first = asyncio.create_task(ground.all_at_once([asked]))
    await wait_until(partial(_more_than, tasks, before), "the first tasks are there")
    again = await ground.all_at_once([asked] * 6)
    answers = [*await first, *again]
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 6}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert await tasks.count_documents({}) == before + size


async def _more_than(tasks: Any, number: int) -> bool:
    return bool(await tasks.count_documents({}) > number)


async def test_of_twenty_tasks_that_are_to_replace_one_at_once_one_does(ground: Ground, counts: Counts) -> None:
    for _ in range(counts.of(2, 20)):
        recalled = await ground.assigned(("chair", "recall", {"reason": "Giao lại"}))
        body = {"title": "Giao lại", "lead_agency": "sxd", "deadline": ground.day(20), "replaces": recalled}
        answers = await ground.outcomes([Asked("chair", "/v1/tasks", body) for _ in range(20)])
        assert Counter(answers) == {(201, ""): 1, (409, "already-exists"): 19}
        assert (await ground.read(recalled))["replaced_by"] is not None


# Two acts that exclude each other


@dataclass(frozen=True)
class Duel:
    """Two acts at once, and what may come of them: their answers and the stage, as if one came after the other."""

    before: Sequence[tuple[str, str, Body]]
    one: tuple[str, str, Body]
    other: tuple[str, str, Body]
    ends: set[tuple[Answer, Answer, str]]


DONE: Final = (200, "")
TOO_LATE: Final = (409, "wrong-stage")
ASKED: Final = ("head-stc", "extension", {"new_deadline": "2027-06-30", "reason": "Chờ số liệu"})
GRANTED: Final = ("coordinator", "extension/decision", {"approved": True})
RECALL: Final = ("chair", "recall", {"reason": "Không còn cần"})
DUELS: Final = {
    "a receipt and a refusal": Duel(
        [],
        RECEIVED,
        ("head-stc", "refusal", {"reason": "Không thuộc thẩm quyền"}),
        {(DONE, DONE, "refused"), (TOO_LATE, DONE, "refused")},
    ),
    "a reassignment and a report": Duel(
        [RECEIVED],
        ("chair", "reassignment", {"lead_agency": "sxd", "reason": "Đúng chức năng hơn"}),
        REPORTED,
        {(DONE, (404, "not-found"), "assigned"), (TOO_LATE, DONE, "reported")},
    ),
    "a recall and the acceptance of a report": Duel(
        [RECEIVED, REPORTED],
        RECALL,
        ("coordinator", "report/decision", {"accepted": True}),
        {(DONE, TOO_LATE, "recalled"), (TOO_LATE, DONE, "completed")},
    ),
    "an extension granted and a report": Duel(
        [RECEIVED, ASKED],
        GRANTED,
        REPORTED,
        {(DONE, DONE, "reported"), (TOO_LATE, DONE, "reported")},
    ),
    "an extension granted and refused": Duel(
        [RECEIVED, ASKED],
        GRANTED,
        ("chair", "extension/decision", {"approved": False, "reason": "Chưa đủ lý do"}),
        {(DONE, TOO_LATE, "received"), (TOO_LATE, DONE, "received")},
    ),
    "an extension granted and a recall": Duel(
        [RECEIVED, ASKED],
        GRANTED,
        RECALL,
        {(DONE, DONE, "recalled"), (TOO_LATE, DONE, "recalled")},
    ),
}


async def test_two_acts_that_exclude_each_other_end_as_if_one_came_first(
    ground: Ground, counts: Counts, chance: Random
) -> None:
    async def fight(name: str) -> None:
        duel = DUELS[name]
        task = await ground.assigned(*duel.before, deadline="2027-05-31")
        crowd = [Asked(by, f"/v1/tasks/{task}/{act}", body) for by, act, body in (duel.one, duel.other)]
        first = chance.randrange(2)
        answers = await ground.outcomes([crowd[first], crowd[1 - first]])
        one, other = answers[first], answers[1 - first]
        assert (one, other, (await ground.read(task))["stage"]) in duel.ends, name

    for _ in range(counts.of(2, 60)):
        await asyncio.gather(*(fight(name) for name in DUELS))


# Three monitors


async def due_in_an_hour(ground: Ground, number: int) -> datetime:
    """Assign so many tasks that are due at one moment, and return it."""
    due_at = to_milliseconds(ground.province.now() + timedelta(hours=1))
    items = [{"title": f"Việc {n}", "lead_agencies": ["stc"], "due_at": rfc3339(due_at)} for n in range(number)]
    await ground.work.done("chair", "/v1/task-batches", {"document": {"number": "8/QĐ"}, "items": items})
    await ground.province.wait_until_idle()
    return due_at


async def test_three_monitors_announce_each_moment_once(ground: Ground, counts: Counts) -> None:
    number = counts.of(100, 2_000)
    due_at = await due_in_an_hour(ground, number)
    before = await ground.announced("deadline.missed")
    ground.province.stack.set_clock(due_at - timedelta(milliseconds=200))
    await wait_until(lambda: ground.province.now() > due_at, "the moment has passed")
    await ground.province.wait_until_idle()
    assert await ground.announced("deadline.missed") == before + number


async def test_what_passed_while_no_monitor_ran_is_announced_once_when_three_start(
    ground: Ground, counts: Counts
) -> None:
    number, stack = counts.of(40, 2_000), ground.province.stack
    due_at = await due_in_an_hour(ground, number)
    await asyncio.gather(*map(stack.kill, MONITORS))
    stack.set_clock(due_at + timedelta(days=1))
    await asyncio.gather(*map(stack.start, MONITORS))
    await ground.province.wait_until_idle()
    assert await ground.announced("deadline.missed") == number


# The due moment


@dataclass(frozen=True)
class Meeting:
    """What happens to a task before its due moment and after it, and what comes of it, whenever the miss is told."""

    in_time: Sequence[tuple[str, Answer]]
    late: Sequence[tuple[str, Answer]]
    end: tuple[str, str, str]
    """The stage, the state of the extension, and that of the explanation."""


OVER: Final = (409, "deadline-passed")
MEETINGS: Final = [
    Meeting([], [], ("received", "none", "required")),
    Meeting([("extension", DONE)], [], ("received", "pending", "none")),
    Meeting([("report", DONE)], [], ("reported", "none", "none")),
    Meeting([("extension", DONE), ("report", DONE)], [], ("reported", "none", "none")),
    Meeting([("report", DONE), ("extension", TOO_LATE)], [], ("reported", "none", "none")),
    Meeting([("extension", DONE)], [("report", DONE)], ("reported", "pending", "none")),
    Meeting([("report", DONE)], [("extension", TOO_LATE)], ("reported", "none", "none")),
    Meeting([], [("extension", OVER)], ("received", "none", "required")),
    Meeting([], [("report", DONE)], ("reported", "none", "required")),
    Meeting([], [("extension", OVER), ("report", DONE)], ("reported", "none", "required")),
    Meeting([], [("report", DONE), ("extension", TOO_LATE)], ("reported", "none", "required")),
]
BODIES: Final[dict[str, Body]] = {
    "extension": {"new_deadline": "2027-06-30", "reason": "Chờ số liệu"},
    "report": {"summary": "Đã hoàn thành"},
}


async def happen(ground: Ground, task: str, acts: Sequence[tuple[str, Answer]]) -> None:
    for act, expected in acts:
        answer = await ground.work.send("head-stc", f"/v1/tasks/{task}/{act}", BODIES[act])
        assert of(answer) == expected, (act, answer.text)


async def tell_early(ground: Ground, task: str) -> None:
    """Bring assignment the news of a miss before the moment has come, as a monitor whose clock is fast would."""
    stack, read = ground.province.stack, await ground.read(task)
    named = {name: read[name] for name in ("title", "lead_agency", "assigner", "entered_by", "due_at")}
    event = Event[DeadlineReached](
        id=f"{task}:early",
        source="/deadline",
        type="deadline.missed.v1",
        subject=task,
        time=ground.province.now(),
        sequence=str(read["version"]),
        data=DeadlineReached(task_id=task, sequence=read["version"], moment=read["due_at"], **named),
    )
    async with await aio_pika.connect(stack.servers.rabbitmq.administrator_uri(stack.vhost)) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(encode(event), message_id=event.id)
        await channel.default_exchange.publish(message, events_queue("assignment"))


@pytest.mark.parametrize("told", ["before what comes late", "at the same time", "after what came late"])
async def test_whenever_a_miss_is_told_the_end_is_the_same(ground: Ground, told: str) -> None:
    stack = ground.province.stack
    due_at = to_milliseconds(ground.province.now() + timedelta(hours=1))
    tasks = [await ground.assigned(RECEIVED, deadline=None, due_at=rfc3339(due_at)) for _ in MEETINGS]
    if told == "after what came late":
        await asyncio.gather(*map(stack.kill, MONITORS))
    else:
        await asyncio.gather(*(tell_early(ground, task) for task in tasks[::2]))
    for task, meeting in zip(tasks, MEETINGS, strict=True):
        await happen(ground, task, meeting.in_time)
    stack.set_clock(due_at + timedelta(minutes=1))
    if told == "before what comes late":
        await ground.province.wait_until_idle()
    await asyncio.gather(*(happen(ground, task, meeting.late) for task, meeting in zip(tasks, MEETINGS, strict=True)))
    if told == "after what came late":
        await asyncio.gather(*map(stack.start, MONITORS))
    await ground.province.wait_until_idle()
    for task, meeting in zip(tasks, MEETINGS, strict=True):
        read = await ground.read(task)
        end = read["stage"], read["extension"]["state"], read["explanation"]["state"]
        assert end == meeting.end, (told, meeting)
        assert read["missed_at"] == (rfc3339(due_at) if meeting.end[2] == "required" else None)


async def test_at_the_due_moment_itself_the_times_alone_decide(ground: Ground, counts: Counts, chance: Random) -> None:
    due_at = to_milliseconds(ground.province.now() + timedelta(hours=1))
    number = counts.of(12, 100)
    tasks = [await ground.assigned(RECEIVED, deadline=None, due_at=rfc3339(due_at)) for _ in range(number)]

    async def ask_and_report(task: str) -> None:
        # Spread around the moment, so that each order comes about; the times that are recorded say which it was.
        moments = {act: due_at + timedelta(milliseconds=chance.randint(-400, 100)) for act in BODIES}
        await asyncio.gather(*(send_at(moments[act], task, act) for act in BODIES))

    async def send_at(moment: datetime, task: str, act: str) -> None:
        await wait_until(lambda: ground.province.now() >= moment, "the moment to send it has come")
        await ground.work.send("head-stc", f"/v1/tasks/{task}/{act}", BODIES[act])

    ground.province.stack.set_clock(due_at - timedelta(milliseconds=600))
    await asyncio.gather(*map(ask_and_report, tasks))
    await ground.province.wait_until_idle()
    for task in tasks:
        read, history = await ground.read(task), await ground.history(task)
        done = {entry["act"]: datetime.fromisoformat(entry["at"]) for entry in history}
        assert done.get("extension_requested", due_at) <= due_at
        waits = "extension_requested" in done and done["reported"] > due_at
        assert read["stage"] == "reported"
        assert read["extension"]["state"] == ("pending" if waits else "none")
        assert (read["missed_at"] is None) == (waits or done["reported"] <= due_at)
        assert (read["explanation"]["state"] == "none") == (read["missed_at"] is None)


# All of it at once


async def test_offices_at_work_while_days_go_by_miss_nothing(ground: Ground, counts: Counts) -> None:
    acknowledged = ground.work.acknowledged.tasks
    async with ground.work.at_work(together=6):
        for _ in range(counts.of(3, 20)):
            enough = len(acknowledged) + counts.of(25, 120)
            await wait_until(lambda: len(acknowledged) >= enough, "the day's work is done", within=120)  # noqa: B023
            ground.province.stack.set_clock(ground.province.now() + timedelta(days=2))
