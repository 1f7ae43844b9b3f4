"""Services and servers that are killed at the worst of moments, while clients go on sending requests.

Timing never decides the moment. A test closes the proxy to the broker, sees what was written, and then kills. After
each crash, with everything started again, every acknowledged request stands once, and everyone was notified once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
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
from deploy.services import SERVICES
from services.deadline.monitor import Monitor
from services.deadline.store import WatchStore
from shared.mongo import connect
from tests.conftest import RunStack
from tests.faults.conftest import Counts, RecordProperty
from tests.support.agreement import assert_agreement
from tests.support.clock import FakeClock
from tests.support.consumers import CONSUMERS
from tests.support.deadline_tasks import CALENDAR, always
from tests.support.messaging import wait_until
from tests.support.proxy import proxy_to
from tests.support.published_events import PublishedEvents
from tests.support.servers import temporary_servers
from tests.support.workload import Workload

MISSED: Final = "deadline.missed.v1"
MONITORS: Final = ("deadline", "deadline-2", "deadline-3")
AllAgree = Callable[[], Awaitable[None]]
AN_HOUR: Final = timedelta(hours=1)
PENDING: Final = {"pending_since": {"$exists": True}}


@pytest.fixture(scope="module")
async def clients(run_stack: RunStack, stack_settings: dict[str, str]) -> AsyncIterator[Workload]:
    """Clients of a stack on servers of its own. Each of its services reaches the broker through a proxy of its own."""
    async with AsyncExitStack() as inside:
        servers = await inside.enter_async_context(temporary_servers())
        proxies = {name: await inside.enter_async_context(proxy_to(servers.rabbitmq.amqp_port)) for name in SERVICES}
        running = run_stack(stack_settings, servers=servers, broker_proxies=proxies)
        stack = await inside.enter_async_context(running)
        published = await PublishedEvents.recorded_on(stack.services)
        workload = Workload(stack, published, Random())  # noqa: S311 - nothing is secret here
        await workload.sign_in()
        yield workload


@pytest.fixture
def workload(clients: Workload, chance: Random) -> Workload:
    """The clients, with this test's chance."""
    clients.random = chance
    return clients


@pytest.fixture
async def all_agree(workload: Workload, record_property: RecordProperty) -> AllAgree:
    """Checks that every service has what was acknowledged, once, and that everyone was notified, once."""

    async def check() -> None:
        began = perf_counter()
        figures = await assert_agreement(workload, seconds=300)
        record_property("agreed", f"{figures}, after {perf_counter() - began:.1f} s")

    return check


async def test_what_was_written_before_a_kill_is_published_after_it(
    workload: Workload, counts: Counts, all_agree: AllAgree, record_property: RecordProperty
) -> None:
    """Assignment is killed between write and publish several times, while requests go on."""
    kills, assigned = counts.of(3, 20), counts.of(60, 500)
    starts = []
    for number in range(kills):
        # What waits from here on is of this round: an event of the last round may be about to be confirmed.
        await wait_until(partial(_all_are_published, workload, "assignment", "tasks"), "the last round is published")
        await _keep_from_the_broker(workload, "assignment", unheard=number % 2 == 1)
        assigning = asyncio.create_task(workload.assign(assigned // kills))
        await wait_until(partial(_events_wait, workload, "assignment", "tasks", 5), "events wait for the broker")
        await workload.stack.services.kill("assignment")
        assert await _events_wait(workload, "assignment", "tasks", 5)
        await workload.stack.restore_broker("assignment")
        starts.append(await workload.stack.start("assignment"))
        await assigning
    record_property("ready after a kill", f"{max(starts):.1f} s at most, {kills} times")
    await all_agree()


async def _keep_from_the_broker(workload: Workload, service: str, *, unheard: bool) -> None:
    """Cut the service off from the broker; or, `unheard`, hold back what it sends, so that nothing is confirmed."""
    if unheard:
        workload.stack.broker_proxies[service].hold()
    else:
        await workload.stack.broker_proxies[service].cut()


async def _all_are_published(workload: Workload, service: str, collection: str) -> bool:
    return not await workload.stack.has_record(service, collection, PENDING)


async def _events_wait(workload: Workload, service: str, collection: str, number: int) -> bool:
    return await workload.stack.collection(service, collection).count_documents(PENDING) >= number


@dataclass(frozen=True)
class _Batch:
    """A batch that is known by the number of its document."""

    workload: Workload
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
        chair = self.workload.stack.as_("chair")
        return await chair.post("/v1/task-batches", self.request(), Idempotency_Key=self.key)

    async def ask_again(self) -> dict[str, Any]:
        return await self.workload.post("chair", "/v1/task-batches", self.request(), self.key)

    async def standing(self) -> int:
        tasks = self.workload.stack.collection("assignment", "tasks")
        return await tasks.count_documents({"document.number": self.number})

    async def stands(self) -> bool:
        return await self.standing() == self.size

    async def half_stands(self) -> bool:
        return 0 < await self.standing() < self.size


async def test_a_batch_that_a_kill_left_half_done_is_finished_by_the_sweeper(
    workload: Workload, counts: Counts, all_agree: AllAgree
) -> None:
    half = await _half_a_batch(workload, size=counts.of(400, 2_000))
    await workload.stack.start("assignment")
    await wait_until(half.stands, "the sweeper has finished the batch", within=60)
    assert (await half.ask_again())["count"] == half.size
    await all_agree()


async def _half_a_batch(workload: Workload, size: int) -> _Batch:
    """Kill assignment in the middle of a batch. If the batch was done before the kill, try another."""
    for number in range(20):
        batch = _Batch(workload, f"{number}-QD-UBND", size)
        asking = asyncio.create_task(batch.ask_once())
        while not await batch.standing() and not asking.done():
            pass
        await workload.stack.services.kill("assignment")
        [answer] = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(answer, httpx2.TransportError) and await batch.half_stands():
            return batch
        await workload.stack.start("assignment")
    raise AssertionError("every batch was quicker than the kill")


async def test_consumers_killed_before_their_write_take_the_event_again(
    workload: Workload, all_agree: AllAgree
) -> None:
    """When they are killed, they have the event and wait for MongoDB."""
    for service in CONSUMERS:
        await workload.stack.broker_proxies[service].cut()
    await workload.assign(1)
    for service in CONSUMERS:
        await wait_until(partial(_waits_for, workload, service), f"the event waits for {service}")
    await workload.stack.servers.mongod.kill()
    for service in CONSUMERS:
        await workload.stack.broker_proxies[service].restore()
        await wait_until(partial(_is_unacknowledged_by, workload, service), f"{service} has taken the event")
    await asyncio.gather(*map(workload.stack.services.kill, CONSUMERS))
    await workload.stack.servers.mongod.start()
    await workload.stack.start(*CONSUMERS)
    await all_agree()


async def _waits_for(workload: Workload, service: str) -> bool:
    return (await workload.stack.queue_of(service)).ready > 0


async def _is_unacknowledged_by(workload: Workload, service: str) -> bool:
    return (await workload.stack.queue_of(service)).unacknowledged > 0


@pytest.mark.parametrize(
    ("service", "collection", "field"),
    [("deadline", "watches", "_id"), ("notification", "inbox", "task_id"), ("reporting", "versions", "task")],
)
async def test_a_consumer_killed_between_its_write_and_its_acknowledgement_heals(
    workload: Workload, service: str, collection: str, field: str, all_agree: AllAgree
) -> None:
    workload.stack.broker_proxies[service].hold()
    [task] = await workload.assign(1)
    await _kill_before_the_acknowledgement(workload, service, collection, {field: task})
    await all_agree()


async def test_assignment_killed_between_recording_a_miss_and_its_acknowledgement_heals(
    workload: Workload, all_agree: AllAgree
) -> None:
    [task] = await _due_in_an_hour(workload, 1)
    workload.stack.broker_proxies["assignment"].hold()
    workload.stack.advance(AN_HOUR)
    await _kill_before_the_acknowledgement(workload, "assignment", "tasks", {"_id": task, "missed_at": {"$ne": None}})
    await all_agree()


async def _kill_before_the_acknowledgement(
    workload: Workload, service: str, collection: str, written: Mapping[str, Any]
) -> None:
    """Kill a service after its write, while the proxy holds its acknowledgement back."""

    await wait_until(partial(workload.stack.has_record, service, collection, written), f"{service} has written")
    await wait_until(partial(_is_unacknowledged_by, workload, service), "the broker waits for the acknowledgement")
    await workload.stack.services.kill(service)
    await workload.stack.restore_broker(service)
    await wait_until(partial(_waits_for, workload, service), "the broker has taken the event back")
    await workload.stack.start(service)


async def test_a_monitor_killed_between_claim_and_publish_announces_once_and_not_early(
    workload: Workload, all_agree: AllAgree
) -> None:
    """The monitor that claims has no relay: what it leaves is what a kill leaves just before the relay publishes."""
    tasks = await _due_in_an_hour(workload, 1)
    await workload.stack.services.kill("deadline")
    workload.stack.advance(AN_HOUR)
    await _claim_without_a_relay(workload)
    assert await workload.stack.has_record("deadline", "watches", {"_id": tasks[0], **PENDING})
    await workload.stack.start("deadline")
    await all_agree()
    assert await _missed(workload) >= set(tasks)


async def _claim_without_a_relay(workload: Workload) -> None:
    services = workload.stack.services
    clock = FakeClock(workload.stack.now())
    with closing(connect(services.database_uris["deadline"], "tests")) as client:
        store = WatchStore(client[services.databases["deadline"]])
        monitor = Monitor(store, clock, CALENDAR, lambda _: None, always, poll_interval=1, batch=100)
        while await monitor.step():
            pass


async def test_a_deadline_is_announced_once_by_three_monitors_and_once_after_all_were_down(
    workload: Workload, counts: Counts, all_agree: AllAgree
) -> None:
    await workload.stack.start(*MONITORS[1:])
    tasks = await _due_in_an_hour(workload, counts.of(30, 300))
    before = await _claimed(workload)
    workload.stack.advance(AN_HOUR)
    await all_agree()
    assert await _missed(workload) >= set(tasks)
    assert await _claimed(workload) - before == len(tasks)

    tasks = await _due_in_an_hour(workload, counts.of(30, 300))
    await asyncio.gather(*map(workload.stack.services.kill, MONITORS))
    workload.stack.advance(AN_HOUR)
    await workload.stack.start(*MONITORS)
    await all_agree()
    assert await _missed(workload) >= set(tasks)
    assert await _claimed(workload) == len(tasks)
    await asyncio.gather(*map(workload.stack.services.stop, MONITORS[1:]))


async def _due_in_an_hour(workload: Workload, number: int) -> list[str]:
    """Assign tasks that are due in an hour, let 55 minutes pass, and check that no task is missed yet."""
    due_at = (workload.stack.now() + AN_HOUR).isoformat()
    tasks = await workload.assign(number, due_at=due_at, deadline=None)
    workload.stack.advance(AN_HOUR - timedelta(minutes=5))
    await workload.stack.wait_until_idle()
    assert not await _missed(workload) & set(tasks)
    return tasks


async def _missed(workload: Workload) -> set[str]:
    """Return the tasks whose miss was announced."""
    return {event.subject for event in await workload.published.read() if event.type == MISSED}


async def _claimed(workload: Workload) -> float:
    """Return how many misses the monitors have claimed since they were started, by their own metrics."""
    answers = [await workload.stack.http.get(f"{workload.stack.services.url_of(name)}/metrics") for name in MONITORS]
    return sum(
        sample.value
        for answer in answers
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "dondoc_deadline_announced_total" and sample.labels["kind"] == "deadline.missed"
    )


@pytest.mark.parametrize("end", [RabbitMQ.stop, RabbitMQ.kill])
async def test_without_the_broker_the_offices_go_on(
    workload: Workload, counts: Counts, end: Callable[[RabbitMQ], Awaitable[None]], all_agree: AllAgree
) -> None:
    acts = counts.of(40, 400)
    async with workload.running(together=2):
        await workload.wait_for_acknowledged(acts)
        await end(workload.stack.servers.rabbitmq)
        await workload.wait_for_acknowledged(acts)
        await _outage_is_over(counts)
        await workload.stack.servers.rabbitmq.start()
        await workload.wait_for_acknowledged(acts)
    await all_agree()


@pytest.mark.parametrize("end", [Mongod.stop, Mongod.kill])
async def test_without_mongodb_the_offices_are_asked_to_come_again(
    workload: Workload,
    counts: Counts,
    end: Callable[[Mongod], Awaitable[None]],
    all_agree: AllAgree,
    record_property: RecordProperty,
) -> None:
    acts = counts.of(40, 400)
    async with workload.running(together=2):
        await workload.wait_for_acknowledged(acts)
        unavailable = workload.unavailable
        await end(workload.stack.servers.mongod)
        await wait_until(lambda: workload.unavailable > unavailable, "requests are answered with 503")
        await _outage_is_over(counts)
        await workload.stack.servers.mongod.start()
        began = perf_counter()
        await workload.wait_for_acknowledged(1)
        record_property("first act", f"{perf_counter() - began:.1f} s after MongoDB was back")
        await workload.wait_for_acknowledged(acts)
    await all_agree()


async def _outage_is_over(counts: Counts) -> None:
    """Wait, in the proof only, for as long as an outage must do no harm."""
    began = perf_counter()
    await wait_until(lambda: perf_counter() - began >= counts.of(0, 20), "the outage is over", within=30)


async def test_everything_killed_at_once_comes_back(
    workload: Workload, counts: Counts, all_agree: AllAgree, record_property: RecordProperty
) -> None:
    acts = counts.of(40, 400)
    mongod, rabbitmq = workload.stack.servers.mongod, workload.stack.servers.rabbitmq
    async with workload.running(together=2):
        await workload.wait_for_acknowledged(acts)
        await asyncio.gather(workload.stack.services.kill_all(), mongod.kill(), rabbitmq.kill())
        began = perf_counter()
        await asyncio.gather(workload.stack.services.start_all(), mongod.start(), rabbitmq.start())
        record_property("everything ready", f"after {perf_counter() - began:.1f} s")
        await workload.wait_for_acknowledged(acts)
    await all_agree()
