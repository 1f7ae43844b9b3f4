"""Messages that no handler can handle: each reaches the dead letters after its last attempt, and delays no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import aio_pika
import orjson
import pytest
from structlog.testing import capture_logs

from deploy.local.servers import Servers
from shared.events.codec import encode
from shared.events.envelope import Event
from shared.messaging.dead_letters import open_dead_letters
from shared.messaging.publisher import Publisher, make_message
from shared.messaging.topology import BINDINGS, dead_queue, events_queue, retry_queue
from tests.support.consumers import CONSUMERS, DELAYS, running, send, sender
from tests.support.deadline_tasks import a_task, event_of
from tests.support.messaging import agency_event, messages_in, messaging_of, ready_in, settled, subscribed, wait_until
from tests.support.notification_events import task_told, the_directory
from tests.support.servers import Database, Vhost

GOOD: Final = orjson.loads(encode(event_of(a_task())))
A_DAY: Final = 86_400.0
AT_ONCE: Final = 1
AT_THE_BOUND: Final = len(DELAYS) + 1


def spoiled(**members: Any) -> bytes:
    """Return an event with other members of its envelope."""
    return orjson.dumps({**GOOD, **members})


def spoiled_task(**fields: Any) -> bytes:
    """Return an event whose task has other fields."""
    return orjson.dumps({**GOOD, "data": {**GOOD["data"], "task": {**GOOD["data"]["task"], **fields}}})


def deep(levels: int) -> bytes:
    """Return an event whose history entry has details nested so deep."""
    nested = b'{"a":' * levels + b"1" + b"}" * levels
    return encode(event_of(a_task("deep"))).replace(b'"details":{}', b'"details":{"a":' + nested + b"}")


UNREADABLE: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "broken bytes": b"\xff\xfe\x00",
    "half an event": encode(event_of(a_task()))[:-40],
    "JSON that is no object": b'["task.assigned.v1"]',
    "JSON that is no CloudEvent": b'{"hello": "world"}',
    "an unknown name that is no CloudEvent": b'{"type": "task.eaten.v1"}',
    "no known version of CloudEvents": spoiled(specversion="0.3"),
    "a name that is no text": spoiled(type={"task": "assigned"}),
    "no data": spoiled(data={}),
    "a stage that does not exist": spoiled_task(stage="eaten"),
    "a moment without a zone": spoiled(time="2026-12-07T09:00:00"),
    "not a number": b'{"type": NaN}',
    "JSON as deep as a well": b'{"type":' * 100_000,
    "two megabytes of nothing": b'{"type": "task.assigned.v1", "data": "' + b"x" * 2_000_000 + b'"}',
    "details too deep": deep(5_000),
}
UNMANAGEABLE: Final[Mapping[str, bytes]] = {
    "a name that is not known": spoiled(type="task.eaten.v1"),
    "a name that is not known, and endless": spoiled(type="task." + "ă" * 100_000 + ".v1"),
}
# These hold something that the service cannot store: deadline stores the whole task, reporting its sequence.
UNSTORABLE: Final[Mapping[str, Mapping[str, bytes]]] = {
    "deadline": {
        "a task of seventeen megabytes": spoiled_task(id="big", description="x" * 17_000_000),
        "a version beyond all numbers": spoiled_task(id="far", version=2**64 - 1),
        "a moment before all time": spoiled(time="0001-01-01T00:00:00+14:00"),
    },
    "notification": {},
    "reporting": {
        "a sequence that is no number": spoiled(sequence="many"),
        "a moment before all time": spoiled(time="0001-01-01T00:00:00+14:00"),
    },
}


SENSELESS_HEADERS: Final[tuple[dict[str, Any], ...]] = (
    {"dondoc-failures": "many", "dondoc-first-failed-at": 7},
    {"dondoc-failures": -1, "dondoc-recorded-at": "yesterday"},
    {"dondoc-failures": 1 << 60, "dondoc-first-failed-at": "2026-11-24"},
    {"dondoc-recorded-at": "2026-11-24T09:00:00"},
    {"dondoc-recorded-at": {"nested": [1, 2]}, "x-death": "nonsense", "correlation_id": "c"},
)


class WordlessError(Exception):
    def __str__(self) -> str:
        raise AttributeError


@dataclass(frozen=True)
class Poison:
    body: bytes
    attempts: int


def poisons_of(service: str) -> list[Poison]:
    return [
        *(Poison(body, AT_ONCE) for body in UNREADABLE.values()),
        *(Poison(body, AT_THE_BOUND) for body in (*UNMANAGEABLE.values(), *UNSTORABLE[service].values())),
    ]


async def put(publisher: Publisher, service: str, *bodies: bytes) -> None:
    """Put messages straight into a service's queue."""
    for number, body in enumerate(bodies):
        message = make_message(body, event_id=f"poison-{number}", event_type="poison", headers={})
        await publisher.publish(message, events_queue(service))


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Capture the logs: writing an error with megabytes of poison in colours takes minutes."""
    with capture_logs() as kept:
        yield kept


@pytest.mark.parametrize("service", CONSUMERS)
async def test_whatever_is_sent_dies_after_its_bound_and_nothing_is_stuck(
    servers: Servers, vhost: Vhost, database: Database, service: str
) -> None:
    poisons = poisons_of(service)
    async with running(service, database, vhost.amqp_url), sender(vhost.amqp_url) as publisher:
        await put(publisher, service, *(poison.body for poison in poisons))
        await settled(servers, vhost, [service])
        assert await ready_in(vhost.amqp_url, dead_queue(service)) == len(poisons)
    assert await ready_in(vhost.amqp_url, events_queue(service)) == 0
    dead = await messages_in(vhost.amqp_url, dead_queue(service))
    attempts = {message.body: message.headers["dondoc-attempts"] for message in dead}
    assert len(dead) == len(poisons)
    assert attempts == {poison.body: poison.attempts for poison in poisons}


async def test_many_poisons_hold_up_no_other(servers: Servers, vhost: Vhost, database: Database) -> None:
    poisons = [*UNREADABLE.values(), *(spoiled(type=f"task.eaten_{number}.v1") for number in range(60))]
    tasks = [event_of(a_task(f"t-{number}")) for number in range(60)]
    # The retry delay is longer than the test, so everything below happens while poison waits.
    settings = {"retry_delays": (A_DAY,), "prefetch": 2}
    async with sender(vhost.amqp_url, (A_DAY,)) as publisher:
        for poison, task in zip(poisons, tasks, strict=False):
            await put(publisher, "reporting", poison)
            await send(publisher, [task])
        async with running("reporting", database, vhost.amqp_url, **settings) as collections:
            await wait_until(lambda: _holds(collections["versions"], len(tasks)), "every good event takes effect")
            await wait_until(lambda: _holds_in(vhost, events_queue("reporting"), 0), "the poison has left the queue")
    assert await ready_in(vhost.amqp_url, dead_queue("reporting")) == len(UNREADABLE)
    assert await ready_in(vhost.amqp_url, retry_queue("reporting", A_DAY)) == len(tasks) - len(UNREADABLE)


async def _holds(collection: Any, count: int) -> bool:
    return bool(await collection.count_documents({}) == count)


async def test_what_died_for_a_cause_takes_effect_once_the_cause_is_gone_and_it_is_replayed(
    servers: Servers, vhost: Vhost, database: Database
) -> None:
    told = task_told("assigned")
    async with running("notification", database, vhost.amqp_url) as collections, sender(vhost.amqp_url) as publisher:
        await send(publisher, [told])
        await settled(servers, vhost, ["notification"])
        assert await ready_in(vhost.amqp_url, dead_queue("notification")) == 1
        await send(publisher, the_directory())
        await settled(servers, vhost, ["notification"])
        assert await collections["inbox"].count_documents({}) == 0
        await replay_all(vhost.amqp_url, "notification")
        await settled(servers, vhost, ["notification"])
        assert await collections["inbox"].count_documents({"username": "gd-tai-chinh", "kind": "task.assigned"}) == 1
    assert await ready_in(vhost.amqp_url, dead_queue("notification")) == 0


async def replay_all(amqp_url: str, service: str) -> None:
    async with open_dead_letters(amqp_url, service) as letters:
        await letters.replay(lambda _: True, lambda _: None)


async def test_an_event_of_a_later_version_waits_for_the_service_that_knows_it(
    servers: Servers, vhost: Vhost, database: Database
) -> None:
    new = spoiled(type="task.divided.v1")
    delays = (1.0, A_DAY)
    async with sender(vhost.amqp_url, delays) as publisher:
        async with running("deadline", database, vhost.amqp_url, retry_delays=delays):
            message = make_message(new, event_id="new", event_type="task.divided.v1", headers={})
            await publisher.publish(message, "task.divided.v1", exchange="dondoc.events")
            await wait_until(
                lambda: _holds_in(vhost, retry_queue("deadline", 1.0), 1), "the version before lays it aside"
            )
        # An upgraded service would now find it in its queue.
        await wait_until(lambda: _holds_in(vhost, events_queue("deadline"), 1), "it is back in the queue")
    (waiting,) = await messages_in(vhost.amqp_url, events_queue("deadline"))
    assert waiting.body == new
    assert await ready_in(vhost.amqp_url, dead_queue("deadline")) == 0


async def _holds_in(vhost: Vhost, queue: str, count: int) -> bool:
    return await ready_in(vhost.amqp_url, queue) == count


async def test_headers_that_make_no_sense_change_nothing(servers: Servers, vhost: Vhost) -> None:
    handled: list[str] = []

    async def note(event: Event[Any]) -> None:
        handled.append(event.id)

    event = agency_event()
    messaging = messaging_of("notification", vhost.amqp_url, retry_delays=DELAYS)
    async with messaging.running(subscribed("notification", {event.type: note})):
        await messaging.started.wait()
        async with await aio_pika.connect(vhost.amqp_url) as connection:
            channel = await connection.channel()
            for headers in SENSELESS_HEADERS:
                message = aio_pika.Message(encode(event), headers=headers, content_type="text/plain")
                await channel.default_exchange.publish(message, events_queue("notification"))
        await settled(servers, vhost, ["notification"], messagings=[messaging])
    assert len(handled) == len(SENSELESS_HEADERS)
    assert await ready_in(vhost.amqp_url, events_queue("notification")) == 0


async def test_an_error_that_can_hardly_be_told_of_is_kept_all_the_same(vhost: Vhost) -> None:
    untold = {
        "so-1:1": (ValueError("\ud800 \x00 " + "ă" * 200_000), AT_THE_BOUND, "ValueError: \\ud800"),
        "so-2:1": (RecursionError(10**100), AT_THE_BOUND, "RecursionError: 1000"),
        "so-3:1": (WordlessError(), AT_ONCE, "AttributeError"),
    }

    async def fail(event: Event[Any]) -> None:
        raise untold[event.id][0]

    events = [agency_event(number) for number in (1, 2, 3)]
    messaging = messaging_of("notification", vhost.amqp_url, retry_delays=DELAYS)
    async with (
        messaging.running(subscribed("notification", {events[0].type: fail})),
        sender(vhost.amqp_url) as publisher,
    ):
        await messaging.started.wait()
        await send(publisher, events)
        await wait_until(lambda: _holds_in(vhost, dead_queue("notification"), 3), "all are with the dead letters")
    assert await ready_in(vhost.amqp_url, events_queue("notification")) == 0
    for dead in await messages_in(vhost.amqp_url, dead_queue("notification")):
        _, attempts, words = untold[dead.message_id or ""]
        assert dead.headers["dondoc-attempts"] == attempts
        assert str(dead.headers["dondoc-error"]).startswith(words)


def test_every_service_has_been_thought_of() -> None:
    assert set(BINDINGS) == {"assignment", *CONSUMERS}
