"""Requests at the same moment, two replicas of assignment, three of deadline, and the due moment itself.

The requests of a race go to both replicas of assignment, so that no lock inside a process can decide it. After each
race all services agree.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
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
from tests.faults.conftest import Counts, RecordProperty
from tests.support.agreement import assert_agreement
from tests.support.clock import HANOI
from tests.support.messaging import wait_until
from tests.support.published_events import PublishedEvents
from tests.support.running_stack import RunningStack
from tests.support.send_together import PostRequest, send_together
from tests.support.servers import unique
from tests.support.workload import Workload

ASSIGNMENTS: Final = ("assignment", "assignment-2")
MONITORS: Final = ("deadline", "deadline-2", "deadline-3")
CROWD: Final = 50
DECIDERS: Final = ("chair", "coordinator", "other-coordinator")

Body = dict[str, Any]
Answer = tuple[int, str]
"""The status of an answer, and the code of a problem."""


@dataclass(frozen=True)
class Attempt:
    """A request of one account, with its Idempotency-Key."""

    by: str
    path: str
    body: Body
    key: str = field(default_factory=partial(unique, "race"))
    if_match: str | None = None


@dataclass
class Race(Workload):
    """A workload that sends requests at the same moment."""

    async def send_together(self, attempts: Sequence[Attempt]) -> list[httpx2.Response]:
        """Send requests at the same moment, to one replica and the other by turns."""
        requests = [
            PostRequest(self.urls[number % len(self.urls)], one.path, one.body, await self._headers_of(one))
            for number, one in enumerate(attempts)
        ]
        answers = await send_together(requests)
        for one, answer in zip(attempts, answers, strict=True):
            if answer.is_success:
                self.acknowledged.add(one.by, one.key, answer.json())
        return answers

    async def outcomes(self, attempts: Sequence[Attempt]) -> list[Answer]:
        """Send requests at the same moment, and return the status and the code of each answer."""
        return [of(answer) for answer in await self.send_together(attempts)]

    async def _headers_of(self, attempt: Attempt) -> dict[str, str]:
        condition = {"If-Match": attempt.if_match} if attempt.if_match else {}
        return {**await self.stack.as_(attempt.by)._signed_in(), "Idempotency-Key": attempt.key, **condition}

    async def assign_one(self, *steps: tuple[str, str, Body], **changes: Any) -> str:
        """Assign a task to stc, do acts on it, each `by, act, body`, and return its id."""
        body = {"title": "Báo cáo", "lead_agency": "stc", "deadline": self.day(20)} | changes
        sent = {name: value for name, value in body.items() if value is not None}
        task = str((await self.post("chair", "/v1/tasks", sent))["id"])
        for by, act, body in steps:
            await self.post(by, f"/v1/tasks/{task}/{act}", body)
        return task

    async def facts(self, task: str) -> list[str]:
        """Return the names of the facts in the history of a task."""
        return [entry["act"] for entry in await self.history(task)]

    def day(self, later: int) -> str:
        return (self.stack.now().astimezone(HANOI).date() + timedelta(days=later)).isoformat()

    async def announced(self, kind: str) -> float:
        """Return how many moments of a kind all monitors together have counted as announced."""
        return sum([await _announced_by(self.stack, name, kind) for name in MONITORS])


async def _announced_by(stack: RunningStack, monitor: str, kind: str) -> float:
    scraped = await stack.http.get(f"{stack.services.url_of(monitor)}/metrics")
    families = text_string_to_metric_families(scraped.text)
    samples = (sample for family in families for sample in family.samples)
    return sum(
        one.value for one in samples if one.name == "dondoc_deadline_announced_total" and one.labels["kind"] == kind
    )


@pytest.fixture(scope="module")
async def replicas(stack: RunningStack, published: PublishedEvents) -> AsyncIterator[Race]:
    """Run two of assignment and three of deadline."""
    services = stack.services
    more = [name for name in (*ASSIGNMENTS, *MONITORS) if "-" in name]
    await stack.start(*more)
    race = Race(stack, published, Random(0), [services.url_of(name) for name in ASSIGNMENTS])  # noqa: S311 - no secret
    await race.sign_in()
    yield race
    await asyncio.gather(*map(services.stop, more))


@pytest.fixture
async def race(replicas: Race, chance: Random, counts: Counts, record_property: RecordProperty) -> AsyncIterator[Race]:
    """The requests of one test. After the test all services must agree."""
    replicas.random = chance
    yield replicas
    figures = await assert_agreement(replicas, seconds=counts.of(60, 600))
    record_property("agreement", str(figures))


def of(answer: httpx2.Response) -> Answer:
    return answer.status_code, answer.json().get("code", "")


RECEIVED: Final = ("clerk-stc", "receipt", dict[str, Any]())
REPORTED: Final = ("head-stc", "report", {"summary": "Đã hoàn thành"})


def asked_for(day: str) -> tuple[str, str, Body]:
    return "head-stc", "extension", {"new_deadline": day, "reason": "Chờ số liệu"}


# One extension


async def test_of_fifty_simultaneous_approvals_one_is_done(race: Race, counts: Counts, chance: Random) -> None:
    """Some are sent again with their key. Each grants another day, so that a second approval would show."""
    for _ in range(counts.of(4, 20)):
        task = await race.assign_one(RECEIVED, asked_for(race.day(30)))
        path = f"/v1/tasks/{task}/extension/decision"
        approvals = [
            Attempt(chance.choice(DECIDERS), path, {"approved": True, "new_deadline": race.day(40 + n), "reason": "Đủ"})
            for n in range(CROWD - 10)
        ]
        crowd = [*approvals, *chance.choices(approvals, k=10)]
        chance.shuffle(crowd)
        answers = list(zip(crowd, await race.outcomes(crowd), strict=True))
        done = {asked.key for asked, answer in answers if answer == DONE}
        assert len(done) == 1
        assert {answer for asked, answer in answers if asked.key not in done} == {TOO_LATE}
        assert (await race.facts(task)).count("extension_approved") == 1
        [granted] = [asked.body["new_deadline"] for asked in approvals if asked.key in done]
        assert (await race.read(task))["extension"]["requests"][0]["state"] == "approved"
        assert (await race.read(task))["deadline"] == granted


async def test_of_fifty_simultaneous_requests_for_an_extension_one_waits(race: Race, counts: Counts) -> None:
    for _ in range(counts.of(2, 20)):
        task = await race.assign_one(RECEIVED)
        by, act, body = asked_for(race.day(30))
        answers = await race.outcomes([Attempt(by, f"/v1/tasks/{task}/{act}", body) for _ in range(CROWD)])
        assert Counter(answers) == {(200, ""): 1, (409, "extension-pending"): CROWD - 1}
        assert len((await race.read(task))["extension"]["requests"]) == 1


# One version, one key


async def test_of_fifty_simultaneous_acts_on_one_version_one_is_done(race: Race, counts: Counts) -> None:
    for _ in range(counts.of(2, 20)):
        task = await race.assign_one(RECEIVED)
        path = f"/v1/tasks/{task}/urging"
        crowd = [Attempt("chair", path, {"message": f"Lần {n}"}, if_match='"2"') for n in range(CROWD)]
        answers = await race.outcomes(crowd)
        assert Counter(answers) == {(200, ""): 1, (412, "version-conflict"): CROWD - 1}
        assert (await race.read(task))["urgings"] == 1


async def test_of_fifty_simultaneous_acts_without_a_version_all_are_done(race: Race, counts: Counts) -> None:
    for _ in range(counts.of(1, 20)):
        task = await race.assign_one(RECEIVED)
        crowd = [Attempt("chair", f"/v1/tasks/{task}/urging", {"message": f"Lần {n}"}) for n in range(CROWD)]
        answers = await race.outcomes(crowd)
        assert set(answers) == {(200, "")}
        assert (await race.read(task))["urgings"] == CROWD


async def test_an_act_sent_fifty_times_at_once_with_one_key_is_done_once(race: Race, counts: Counts) -> None:
    for _ in range(counts.of(1, 20)):
        task = await race.assign_one(RECEIVED)
        asked = Attempt("chair", f"/v1/tasks/{task}/urging", {"message": "Đề nghị khẩn trương"})
        answers = await race.send_together([asked] * CROWD)
        assert {(answer.status_code, answer.json()["id"], answer.json()["version"]) for answer in answers} == {
            (200, task, 3)
        }
        assert await race.facts(task) == ["assigned", "received", "urged"]


async def test_a_task_sent_fifty_times_at_once_with_one_key_is_assigned_once(race: Race, counts: Counts) -> None:
    for _ in range(counts.of(1, 20)):
        asked = Attempt("chair", "/v1/tasks", {"title": "Báo cáo", "lead_agency": "stc", "deadline": race.day(20)})
        answers = await race.send_together([asked] * CROWD)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CROWD - 1}
        assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_batch_that_is_sent_again_while_it_is_being_made_is_made_once(race: Race, counts: Counts) -> None:
    size = counts.of(200, 2_000)
    leads = ["stc", "sxd", "snn", "sct"]
    items = [{"title": f"Việc thứ {n}", "lead_agencies": leads, "deadline": race.day(20)} for n in range(size // 4)]
    asked = Attempt("chair", "/v1/task-batches", {"document": {"number": "7/QĐ"}, "items": items})
    tasks = race.stack.collection("assignment", "tasks")
    before = await tasks.count_documents({})
    first = asyncio.create_task(race.send_together([asked]))
    await wait_until(partial(_more_than, tasks, before), "the first tasks are there")
    again = await race.send_together([asked] * 6)
    answers = [*await first, *again]
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 6}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert await tasks.count_documents({}) == before + size


async def _more_than(tasks: Any, number: int) -> bool:
    return bool(await tasks.count_documents({}) > number)


async def test_of_twenty_tasks_that_are_to_replace_one_at_once_one_does(race: Race, counts: Counts) -> None:
    for _ in range(counts.of(2, 20)):
        recalled = await race.assign_one(("chair", "recall", {"reason": "Giao lại"}))
        body = {"title": "Giao lại", "lead_agency": "sxd", "deadline": race.day(20), "replaces": recalled}
        answers = await race.outcomes([Attempt("chair", "/v1/tasks", body) for _ in range(20)])
        assert Counter(answers) == {(201, ""): 1, (409, "already-exists"): 19}
        assert (await race.read(recalled))["replaced_by"] is not None


# Two acts that exclude each other


@dataclass(frozen=True)
class Duel:
    """Two acts at once, and what may come of them: the answers and the stage, as if one came after the other."""

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
    race: Race, counts: Counts, chance: Random
) -> None:
    async def fight(name: str) -> None:
        duel = DUELS[name]
        task = await race.assign_one(*duel.before, deadline="2027-05-31")
        crowd = [Attempt(by, f"/v1/tasks/{task}/{act}", body) for by, act, body in (duel.one, duel.other)]
        first = chance.randrange(2)
        answers = await race.outcomes([crowd[first], crowd[1 - first]])
        one, other = answers[first], answers[1 - first]
        assert (one, other, (await race.read(task))["stage"]) in duel.ends, name

    for _ in range(counts.of(2, 60)):
        await asyncio.gather(*(fight(name) for name in DUELS))


# Three monitors


async def due_in_an_hour(race: Race, number: int) -> datetime:
    """Assign tasks that are all due at one moment, and return the moment."""
    due_at = to_milliseconds(race.stack.now() + timedelta(hours=1))
    items = [{"title": f"Việc {n}", "lead_agencies": ["stc"], "due_at": rfc3339(due_at)} for n in range(number)]
    await race.post("chair", "/v1/task-batches", {"document": {"number": "8/QĐ"}, "items": items})
    await race.stack.wait_until_idle()
    return due_at


async def test_three_monitors_announce_each_moment_once(race: Race, counts: Counts) -> None:
    number = counts.of(100, 2_000)
    due_at = await due_in_an_hour(race, number)
    before = await race.announced("deadline.missed")
    race.stack.services.set_clock(due_at - timedelta(milliseconds=200))
    await wait_until(lambda: race.stack.now() > due_at, "the moment has passed")
    await race.stack.wait_until_idle()
    assert await race.announced("deadline.missed") == before + number


async def test_what_passed_while_no_monitor_ran_is_announced_once_when_three_start(race: Race, counts: Counts) -> None:
    number, stack = counts.of(40, 2_000), race.stack.services
    due_at = await due_in_an_hour(race, number)
    await asyncio.gather(*map(stack.kill, MONITORS))
    stack.set_clock(due_at + timedelta(days=1))
    await asyncio.gather(*map(stack.start, MONITORS))
    await race.stack.wait_until_idle()
    assert await race.announced("deadline.missed") == number


# The due moment


@dataclass(frozen=True)
class Meeting:
    """Acts before and after the due moment, and how the task ends, no matter when `deadline.missed` arrives."""

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


async def happen(race: Race, task: str, acts: Sequence[tuple[str, Answer]]) -> None:
    for act, expected in acts:
        answer = await race.send("head-stc", f"/v1/tasks/{task}/{act}", BODIES[act])
        assert of(answer) == expected, (act, answer.text)


async def tell_early(race: Race, task: str) -> None:
    """Send assignment `deadline.missed` before the due moment, as a monitor whose clock is fast would."""
    stack, read = race.stack.services, await race.read(task)
    named = {name: read[name] for name in ("title", "lead_agency", "assigner", "entered_by", "due_at")}
    event = Event[DeadlineReached](
        id=f"{task}:early",
        source="/deadline",
        type="deadline.missed.v1",
        subject=task,
        time=race.stack.now(),
        sequence=str(read["version"]),
        data=DeadlineReached(task_id=task, sequence=read["version"], moment=read["due_at"], **named),
    )
    async with await aio_pika.connect(stack.servers.rabbitmq.administrator_uri(stack.vhost)) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(encode(event), message_id=event.id)
        await channel.default_exchange.publish(message, events_queue("assignment"))


@pytest.mark.parametrize("told", ["before what comes late", "at the same time", "after what came late"])
async def test_whenever_a_miss_is_told_the_end_is_the_same(race: Race, told: str) -> None:
    stack = race.stack.services
    due_at = to_milliseconds(race.stack.now() + timedelta(hours=1))
    tasks = [await race.assign_one(RECEIVED, deadline=None, due_at=rfc3339(due_at)) for _ in MEETINGS]
    if told == "after what came late":
        await asyncio.gather(*map(stack.kill, MONITORS))
    else:
        await asyncio.gather(*(tell_early(race, task) for task in tasks[::2]))
    for task, meeting in zip(tasks, MEETINGS, strict=True):
        await happen(race, task, meeting.in_time)
    stack.set_clock(due_at + timedelta(minutes=1))
    if told == "before what comes late":
        await race.stack.wait_until_idle()
    await asyncio.gather(*(happen(race, task, meeting.late) for task, meeting in zip(tasks, MEETINGS, strict=True)))
    if told == "after what came late":
        await asyncio.gather(*map(stack.start, MONITORS))
    await race.stack.wait_until_idle()
    for task, meeting in zip(tasks, MEETINGS, strict=True):
        read = await race.read(task)
        end = read["stage"], read["extension"]["state"], read["explanation"]["state"]
        assert end == meeting.end, (told, meeting)
        assert read["missed_at"] == (rfc3339(due_at) if meeting.end[2] == "required" else None)


async def test_at_the_due_moment_itself_the_times_alone_decide(race: Race, counts: Counts, chance: Random) -> None:
    due_at = to_milliseconds(race.stack.now() + timedelta(hours=1))
    number = counts.of(12, 100)
    tasks = [await race.assign_one(RECEIVED, deadline=None, due_at=rfc3339(due_at)) for _ in range(number)]

    async def ask_and_report(task: str) -> None:
        # The requests are spread around the moment, so that each order happens. The history says which it was.
        moments = {act: due_at + timedelta(milliseconds=chance.randint(-400, 100)) for act in BODIES}
        await asyncio.gather(*(send_at(moments[act], task, act) for act in BODIES))

    async def send_at(moment: datetime, task: str, act: str) -> None:
        await wait_until(lambda: race.stack.now() >= moment, "the moment to send it has come")
        await race.send("head-stc", f"/v1/tasks/{task}/{act}", BODIES[act])

    race.stack.services.set_clock(due_at - timedelta(milliseconds=600))
    await asyncio.gather(*map(ask_and_report, tasks))
    await race.stack.wait_until_idle()
    for task in tasks:
        read, history = await race.read(task), await race.history(task)
        done = {entry["act"]: datetime.fromisoformat(entry["at"]) for entry in history}
        assert done.get("extension_requested", due_at) <= due_at
        waits = "extension_requested" in done and done["reported"] > due_at
        assert read["stage"] == "reported"
        assert read["extension"]["state"] == ("pending" if waits else "none")
        assert (read["missed_at"] is None) == (waits or done["reported"] <= due_at)
        assert (read["explanation"]["state"] == "none") == (read["missed_at"] is None)


# All of it at once


async def test_offices_at_work_while_days_go_by_miss_nothing(race: Race, counts: Counts) -> None:
    async with race.running(together=6):
        for _ in range(counts.of(3, 20)):
            await race.wait_for_acknowledged(counts.of(25, 120), within=120)
            race.stack.services.set_clock(race.stack.now() + timedelta(days=2))
