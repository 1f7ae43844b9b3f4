"""The dead letters as an operator sees to them: the real command on a real queue."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika
import pytest

from deploy.local.servers import Servers
from services.notification.app import build
from services.notification.settings import NotificationSettings
from shared.clock import true_now
from shared.commands.command_line import run
from shared.events.codec import encode
from shared.messaging import topology
from shared.messaging.dead_letters import open_dead_letters
from shared.messaging.publisher import make_message
from shared.messaging.relay import RECORDED_AT
from shared.messaging.retry import Failures
from shared.messaging.topology import dead_queue, events_queue
from tests.support.messaging import agency_event, messages_in, ready_in
from tests.support.servers import Vhost

DEAD, EVENTS = dead_queue("notification"), events_queue("notification")
HEADERS = {
    RECORDED_AT: "2026-11-24T02:00:00+00:00",
    **Failures()
    .and_then(ValueError("nobody\x1b[2J knows"), true_now())
    .and_then(ValueError("nobody\x1b[2J knows"), true_now())
    .dead_letter_headers(),
}


@dataclass(frozen=True)
class Ended:
    code: int | str | None
    out: str
    err: str

    def table(self) -> list[list[str]]:
        return [line.split() for line in self.out.splitlines()]


Command = Callable[..., Awaitable[Ended]]


@pytest.fixture
def command(amqp_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command with nothing but the broker's address; in this process, for it takes a second to load."""

    async def run_it(*arguments: str, broker: str = amqp_url) -> Ended:
        monkeypatch.setenv("NOTIFICATION_AMQP_URL", broker)
        capsys.readouterr()
        code = await asyncio.to_thread(_exit_code, ["dead-letters", *arguments])
        return Ended(code, *capsys.readouterr())

    return run_it


def _exit_code(line: Sequence[str]) -> int | str | None:
    try:
        return run(NotificationSettings, build, [], line)
    except SystemExit as end:
        return end.code


async def process(amqp_url: str, *arguments: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.notification", "dead-letters", *arguments),
        env={"PATH": os.environ["PATH"], "NOTIFICATION_AMQP_URL": amqp_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(process.returncode, out.decode(), err.decode())


async def bury(amqp_url: str, *letters: tuple[str, bytes], headers: Mapping[str, Any] = HEADERS) -> None:
    """Put messages into the dead-letter queue in this order, each with an id."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await topology.declare(channel, [1])
        for event_id, body in letters:
            message = make_message(body, event_id=event_id, event_type="agency.changed.v1", headers=headers)
            await channel.default_exchange.publish(message, DEAD)


def died_at(moment: str) -> dict[str, Any]:
    return {**HEADERS, "dondoc-failed-at": moment}


def letters(*numbers: int) -> list[tuple[str, bytes]]:
    return [(f"so-{number}:1", encode(agency_event(number))) for number in numbers]


async def ids_in(amqp_url: str) -> list[str]:
    """Return the names as the queue has them, leaving it as it is."""
    async with open_dead_letters(amqp_url, "notification") as dead:
        return [letter.name for letter in await dead.all()]


def names(*numbers: int) -> list[str]:
    return [f"so-{number}:1" for number in numbers]


async def test_the_list_is_a_table_oldest_first_and_leaves_the_queue_as_it_was(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(3, 1, 2))
    first, again = await command("list"), await command("list")
    assert (first.code, first.err) == (0, "dead letters: 3\n")
    headings, *rows = first.table()
    assert headings == ["ID", "EVENT", "SUBJECT", "ATTEMPTS", "FIRST", "FAILED", "LAST", "FAILED", "ERROR"]
    assert [row[:4] for row in rows] == [[f"so-{n}:1", "agency.changed.v1", f"so-{n}", "2"] for n in (3, 1, 2)]
    assert all(row[-3:] == ["ValueError:", r"nobody\x1b[2J", "knows"] for row in rows)
    assert again == first
    assert await ready_in(amqp_url, DEAD) == 3


async def test_looking_often_changes_neither_order_nor_number(amqp_url: str) -> None:
    await bury(amqp_url, *letters(*range(50)))
    for _ in range(8):
        assert await ids_in(amqp_url) == names(*range(50))


async def test_a_look_that_is_killed_halfway_loses_nothing_and_the_list_is_still_oldest_first(amqp_url: str) -> None:
    for number in range(40):
        await bury(amqp_url, *letters(number), headers=died_at(f"2026-11-24T02:00:{number:02}+00:00"))
    for taken in (1, 17, 40):
        connection = await aio_pika.connect(amqp_url)
        queue = await (await connection.channel()).get_queue(DEAD, ensure=False)
        for _ in range(taken):
            await queue.get()
        assert await ready_in(amqp_url, DEAD) == 40 - taken
        await connection.close()
    assert await ids_in(amqp_url) == names(*range(40))


async def test_a_message_is_shown_whole_and_safely(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1), ("so-2:1", b'{"a": "\xff\x1b[2J'), ("deep", b"[" * 5_000))
    shown = await command("show", "so-1:1")
    assert (shown.code, shown.err) == (0, "")
    assert '    "name": "Sở thứ 1",' in shown.out
    assert "dondoc-attempts: 2" in shown.out
    assert r"nobody\x1b[2J knows" in shown.out
    assert "\x1b" not in shown.out
    unreadable = await command("show", "so-2:1")
    assert r'{"a": "\xff\x1b[2J' in unreadable.out
    assert (await command("show", "deep")).code == 0
    assert await ids_in(amqp_url) == ["so-1:1", "so-2:1", "deep"]


async def test_a_replayed_message_goes_to_its_own_service_and_begins_anew(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1, 2, 3))
    replayed = await command("replay", "so-2:1")
    assert (replayed.code, replayed.out) == (0, "replayed so-2:1 agency.changed.v1 so-2\n")
    assert await ids_in(amqp_url) == names(1, 3)
    (message,) = await messages_in(amqp_url, EVENTS)
    assert (message.message_id, message.type, message.body) == ("so-2:1", "agency.changed.v1", letters(2)[0][1])
    assert message.headers == {RECORDED_AT: HEADERS[RECORDED_AT], "x-delivery-count": 0}
    assert Failures.of(message.headers).count == 0
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert await messages_in(amqp_url, events_queue("reporting")) == []


async def test_all_are_replayed_oldest_first_each_once(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(*range(300)))
    assert (await command("replay", "--all")).err == "replayed: 300\n"
    assert [message.message_id for message in await messages_in(amqp_url, EVENTS)] == names(*range(300))
    assert await ready_in(amqp_url, DEAD) == 0


async def test_a_message_whose_queue_is_gone_stays_dead(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1, 2))
    async with await aio_pika.connect(amqp_url) as connection:
        await (await connection.channel()).queue_delete(EVENTS)
    ended = await command("replay", "--all")
    assert (ended.code, ended.out) == (69, "")
    assert ended.err == "no queue notification.events at the broker: notification declares it when it starts\n"
    assert await ids_in(amqp_url) == names(1, 2)


async def test_what_is_dropped_is_said_and_gone(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1, 2, 3))
    dropped = await command("drop", "so-3:1", "so-1:1")
    assert (dropped.code, dropped.err) == (0, "dropped: 2\n")
    assert dropped.out == "dropped so-1:1 agency.changed.v1 so-1\ndropped so-3:1 agency.changed.v1 so-3\n"
    assert await ids_in(amqp_url) == names(2)
    assert await messages_in(amqp_url, EVENTS) == []
    assert (await command("drop", "--all")).out == "dropped so-2:1 agency.changed.v1 so-2\n"
    assert await ids_in(amqp_url) == []


@pytest.mark.parametrize("arguments", [("drop",), ("replay",), ("drop", "--all", "so-1:1"), ("show",), ()])
async def test_a_command_that_names_nothing_is_refused(
    command: Command, amqp_url: str, arguments: Sequence[str]
) -> None:
    await bury(amqp_url, *letters(1))
    assert (await command(*arguments)).code == 2
    assert await ids_in(amqp_url) == names(1)


async def test_an_id_that_no_message_has_is_said(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1))
    for what in ("show", "replay", "drop"):
        ended = await command(what, "so-9:1")
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.splitlines()[-1] == "no dead letter so-9:1"
    partly = await command("drop", "so-1:1", "so-9:1")
    assert (partly.code, partly.out) == (1, "dropped so-1:1 agency.changed.v1 so-1\n")


async def test_an_id_that_two_messages_have_means_both(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1, 2, 1))
    assert (await command("show", "so-1:1")).out.count("id            so-1:1") == 2
    replayed = await command("replay", "so-1:1")
    assert (replayed.code, replayed.out.count("replayed so-1:1")) == (0, 2)
    assert "so-1:1 is the id of 2 dead letters, each of which was meant" in replayed.err
    assert await ids_in(amqp_url) == names(2)


async def test_a_message_without_an_id_is_named_by_its_body(
    command: Command, servers: Servers, vhost: Vhost, amqp_url: str
) -> None:
    await bury(amqp_url, *letters(1))
    stray = {"properties": {}, "routing_key": DEAD, "payload": "rác", "payload_encoding": "string"}
    path = f"/api/exchanges/{vhost.name}/amq.default/publish"
    (await servers.management.post(path, json=stray)).raise_for_status()
    (name,) = set(await ids_in(amqp_url)) - {"so-1:1"}
    assert name.startswith("sha256:")
    assert (await command("drop", name)).out == f"dropped {name} - -\n"


async def test_what_the_broker_gave_up_says_why(command: Command, amqp_url: str) -> None:
    await bury(amqp_url, *letters(1), headers={"x-first-death-reason": "delivery_limit"})
    _, row = (await command("list")).table()
    assert row == ["so-1:1", "agency.changed.v1", "so-1", "-", "-", "-", "delivery_limit"]


async def test_a_broker_that_is_away_is_said_in_one_line(command: Command, amqp_url: str) -> None:
    ended = await command("list", broker="amqp://127.0.0.1:1/")
    assert (ended.code, ended.out) == (69, "")
    assert ended.err == "RabbitMQ does not answer, or refuses notification: AMQPConnectionError\n"
    never_started = await command("list")
    assert never_started.code == 69
    assert never_started.err == "no queue notification.dead at the broker: notification declares it when it starts\n"


async def test_the_process_says_the_same_and_ends_with_the_code(amqp_url: str) -> None:
    await bury(amqp_url, *letters(1))
    ended = await process(amqp_url, "drop", "so-1:1", "so-9:1")
    assert ended == Ended(1, "dropped so-1:1 agency.changed.v1 so-1\n", "dropped: 1\nno dead letter so-9:1\n")
