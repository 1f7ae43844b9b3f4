"""Services and servers that end without warning, at the worst of moments, while the offices go on with their work.

The moment is never hit by timing: a way to the broker is closed, what was written is seen, and then comes the kill.
After each crash, with everything started again, what was acknowledged stands and everyone was told of it, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from random import Random
from time import perf_counter
from typing import Any, Final

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.mongod import Mongod
from deploy.local.rabbitmq import RabbitMQ
from tests.faults.conftest import MONDAY, Counts
from tests.faults.town import Record, Town, town_in
from tests.support.messaging import wait_until

MISSED: Final = "deadline.missed.v1"
CONSUMERS: Final = ("deadline", "notification", "reporting")
MONITORS: Final = ("deadline", "deadline-2", "deadline-3")
AN_HOUR: Final = timedelta(hours=1)
PENDING: Final = {"pending_since": {"$exists": True}}


@pytest.fixture(scope="module")
async def running_town(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town_in(tmp_path_factory.mktemp("town"), MONDAY, settings) as town:
        yield town


@pytest.fixture
def town(running_town: Town, chance: Random, record_property: Record) -> Town:
    """The town, with this test's chance and record."""
    running_town.work.random = chance
    return replace(running_town, record=record_property)


async def test_what_was_written_before_a_kill_is_published_after_it(town: Town, counts: Counts) -> None:
    """Assignment is killed between write and publish, again and again, and asked on and on."""
    kills, assigned = counts.of(3, 20), counts.of(60, 500)
    starts = []
    for number in range(kills):
        # What waits then is of this round: an event of the last one may just be confirmed.
        await wait_until(partial(_all_are_published, town, "assignment", "tasks"), "the last round is published")
        await _keep_from_the_broker(town, "assignment", unheard=number % 2 == 1)
        assigning = asyncio.create_task(town.work.assign(assigned // kills))
        await wait_until(partial(_events_wait, town, "assignment", "tasks", 5), "events wait for the broker")
        await town.stack.kill("assignment")
        assert await _events_wait(town, "assignment", "tasks", 5)
        await town.reopen_way_of("assignment")
        starts.append(await town.start("assignment"))
        await assigning
    town.record("ready after a kill", f"{max(starts):.1f} s at most, {kills} times")
    await town.expect_agreement()


async def _keep_from_the_broker(town: Town, service: str, *, unheard: bool) -> None:
    """Let the broker be away for a service, or be there and not hear, and so not confirm, what it is sent."""
    if unheard:
        town.ways[service].hold()
    else:
        await town.ways[service].cut()


async def _all_are_published(town: Town, service: str, collection: str) -> bool:
    return not await town.is_there(service, collection, PENDING)


async def _events_wait(town: Town, service: str, collection: str, number: int) -> bool:
    return await town.collection(service, collection).count_documents(PENDING) >= number


@dataclass(frozen=True)
class _Batch:
    """A batch that is known by the number of its document."""

    town: Town
    number: str
    size: int

    @property
    def key(self) -> str:
        return f"batch-{self.number}"

    def request(self) -> dict[str, Any]:
        agencies = ["stc", "sxd", "snn", "sct"]
        return {
            "document": {"number": self.number, "issued_on": "2026-10-05", "summary": "Giao nhiệm vụ quý IV"},
            "authority": "chair",
            "items": [{"title": "Báo cáo quý IV", "lead_agencies": agencies, "deadline": "2026-10-16"}]
            * (self.size // len(agencies)),
        }

    async def ask_once(self) -> httpx2.Response:
        chair = self.town.province.as_("chair")
        return await chair.post("/v1/task-batches", self.request(), Idempotency_Key=self.key)

    async def ask_again(self) -> dict[str, Any]:
        return await self.town.work.done("chair", "/v1/task-batches", self.request(), self.key)

    async def standing(self) -> int:
        tasks = self.town.collection("assignment", "tasks")
        return await tasks.count_documents({"document.number": self.number})

    async def stands(self) -> bool:
        return await self.standing() == self.size

    async def half_stands(self) -> bool:
        return 0 < await self.standing() < self.size


async def test_a_batch_that_a_kill_left_half_done_is_finished_by_the_sweeper(town: Town, counts: Counts) -> None:
    half = await _half_a_batch(town, size=counts.of(400, 2_000))
    await town.start("assignment")
    await wait_until(half.stands, "the sweeper has finished the batch", within=60)
    assert (await half.ask_again())["count"] == half.size
    await town.expect_agreement()


async def _half_a_batch(town: Town, size: int) -> _Batch:
    """Kill assignment in the middle of a batch; where a batch was quicker than that, try with another."""
    for number in range(20):
        batch = _Batch(town, f"{number}-QD-UBND", size)
        asking = asyncio.create_task(batch.ask_once())
        while not await batch.standing() and not asking.done():
            pass
        await town.stack.kill("assignment")
        [answer] = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(answer, httpx2.TransportError) and await batch.half_stands():
            return batch
        await town.start("assignment")
    raise AssertionError("every batch was quicker than the kill")


async def test_consumers_killed_before_their_write_take_the_event_again(town: Town) -> None:
    """They have taken it, and wait for MongoDB, when they are killed."""
    for service in CONSUMERS:
        await town.ways[service].cut()
    await town.work.assign(1)
    for service in CONSUMERS:
        await wait_until(partial(_waits_for, town, service), f"the event waits for {service}")
    await town.servers.mongod.kill()
    for service in CONSUMERS:
        await town.ways[service].restore()
        await wait_until(partial(_is_unacknowledged_by, town, service), f"{service} has taken the event")
    await asyncio.gather(*map(town.stack.kill, CONSUMERS))
    await town.servers.mongod.start()
    await town.start(*CONSUMERS)
    await town.expect_agreement()


async def _waits_for(town: Town, service: str) -> bool:
    return await town.waiting_for(service) > 0


async def _is_unacknowledged_by(town: Town, service: str) -> bool:
    return await town.unacknowledged_by(service) > 0


@pytest.mark.parametrize(
    ("service", "collection", "field"),
    [("deadline", "watches", "_id"), ("notification", "inbox", "task_id"), ("reporting", "versions", "task")],
)
async def test_a_consumer_killed_between_its_write_and_its_acknowledgement_heals(
    town: Town, service: str, collection: str, field: str
) -> None:
    town.ways[service].hold()
    [task] = await town.work.assign(1)
    await _kill_before_the_acknowledgement(town, service, collection, {field: task})
    await town.expect_agreement()


async def test_assignment_killed_between_recording_a_miss_and_its_acknowledgement_heals(town: Town) -> None:
    [task] = await _due_in_an_hour(town, 1)
    town.ways["assignment"].hold()
    town.let_pass(AN_HOUR)
    await _kill_before_the_acknowledgement(town, "assignment", "tasks", {"_id": task, "missed_at": {"$ne": None}})
    await town.expect_agreement()


async def _kill_before_the_acknowledgement(
    town: Town, service: str, collection: str, written: Mapping[str, Any]
) -> None:
    """Kill a service when what it has written stands, and the broker, which does not hear it, still waits for it."""

    await wait_until(partial(town.is_there, service, collection, written), f"{service} has written")
    await wait_until(partial(_is_unacknowledged_by, town, service), "the broker waits for the acknowledgement")
    await town.stack.kill(service)
    await town.reopen_way_of(service)
    await wait_until(partial(_waits_for, town, service), "the broker has taken the event back")
    await town.start(service)


async def test_a_monitor_killed_between_claim_and_publish_announces_once_and_not_early(town: Town) -> None:
    tasks = await _due_in_an_hour(town, 1)
    await town.ways["deadline"].cut()
    town.let_pass(AN_HOUR)
    claimed = {"_id": tasks[0], **PENDING}
    await wait_until(partial(town.is_there, "deadline", "watches", claimed), "the moment is claimed")
    await town.stack.kill("deadline")
    assert await town.is_there("deadline", "watches", claimed)
    await town.reopen_way_of("deadline")
    await town.start("deadline")
    await town.expect_agreement()
    assert await _missed(town) >= set(tasks)


async def test_a_deadline_is_announced_once_by_three_monitors_and_once_after_all_were_down(
    town: Town, counts: Counts
) -> None:
    await town.start(*MONITORS[1:])
    tasks = await _due_in_an_hour(town, counts.of(30, 300))
    before = await _claimed(town)
    town.let_pass(AN_HOUR)
    await town.expect_agreement()
    assert await _missed(town) >= set(tasks)
    assert await _claimed(town) - before == len(tasks)

    tasks = await _due_in_an_hour(town, counts.of(30, 300))
    await asyncio.gather(*map(town.stack.kill, MONITORS))
    town.let_pass(AN_HOUR)
    await town.start(*MONITORS)
    await town.expect_agreement()
    assert await _missed(town) >= set(tasks)
    assert await _claimed(town) == len(tasks)
    await asyncio.gather(*map(town.stack.stop, MONITORS[1:]))


async def _due_in_an_hour(town: Town, number: int) -> list[str]:
    """Assign tasks that are due in an hour, let nearly all of it pass, and see that they are not missed yet."""
    due_at = (town.province.now() + AN_HOUR).isoformat()
    tasks = await town.work.assign(number, due_at=due_at, deadline=None)
    town.let_pass(AN_HOUR - timedelta(minutes=5))
    await town.stack.wait_until_idle()
    assert not await _missed(town) & set(tasks)
    return tasks


async def _missed(town: Town) -> set[str]:
    """Return the tasks whose miss was announced."""
    return {event.subject for event in await town.witness.heard() if event.type == MISSED}


async def _claimed(town: Town) -> float:
    """Return how many misses have been claimed by the monitors, as they count themselves since they were started."""
    answers = [await town.province.http.get(f"{town.stack.url_of(name)}/metrics") for name in MONITORS]
    return sum(
        sample.value
        for answer in answers
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "dondoc_deadline_announced_total" and sample.labels["kind"] == "deadline.missed"
    )


@pytest.mark.parametrize("end", [RabbitMQ.stop, RabbitMQ.kill])
async def test_without_the_broker_the_offices_go_on(
    town: Town, counts: Counts, end: Callable[[RabbitMQ], Awaitable[None]]
) -> None:
    acts = counts.of(40, 400)
    async with town.work.at_work(together=2):
        await town.until_more_is_done(acts)
        await end(town.servers.rabbitmq)
        await town.until_more_is_done(acts)
        await _outage_is_over(counts)
        await town.servers.rabbitmq.start()
        await town.until_more_is_done(acts)
    await town.expect_agreement()


@pytest.mark.parametrize("end", [Mongod.stop, Mongod.kill])
async def test_without_mongodb_the_offices_are_asked_to_come_again(
    town: Town, counts: Counts, end: Callable[[Mongod], Awaitable[None]]
) -> None:
    acts = counts.of(40, 400)
    async with town.work.at_work(together=2):
        await town.until_more_is_done(acts)
        unavailable = town.work.unavailable
        await end(town.servers.mongod)
        await wait_until(lambda: town.work.unavailable > unavailable, "requests are answered with 503")
        await _outage_is_over(counts)
        await town.servers.mongod.start()
        began = perf_counter()
        await town.until_more_is_done(1)
        town.record("first act", f"{perf_counter() - began:.1f} s after MongoDB was back")
        await town.until_more_is_done(acts)
    await town.expect_agreement()


async def _outage_is_over(counts: Counts) -> None:
    """Let an outage last, in the proof, as long as is promised to do no harm."""
    began = perf_counter()
    await wait_until(lambda: perf_counter() - began >= counts.of(0, 20), "the outage is over", within=30)


async def test_everything_killed_at_once_comes_back(town: Town, counts: Counts) -> None:
    acts = counts.of(40, 400)
    mongod, rabbitmq = town.servers.mongod, town.servers.rabbitmq
    async with town.work.at_work(together=2):
        await town.until_more_is_done(acts)
        await asyncio.gather(town.stack.kill_all(), mongod.kill(), rabbitmq.kill())
        began = perf_counter()
        await asyncio.gather(town.stack.start_all(), mongod.start(), rabbitmq.start())
        town.record("everything ready", f"after {perf_counter() - began:.1f} s")
        await town.until_more_is_done(acts)
    await town.expect_agreement()
