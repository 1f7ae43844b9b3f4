"""`dead-letters list | show | replay | drop`: what an operator does with messages that could not be handled."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Final

import orjson

from shared.commands.command import Exit, OperatorCommand, UnavailableError, complain, say
from shared.messaging.dead_letters import (
    DeadLetter,
    DeadLetters,
    FullDeadLetter,
    NameFilter,
    NoQueueError,
    OnDone,
    open_dead_letters,
    printable,
)
from shared.messaging.publisher import BROKER_AWAY
from shared.settings import ServiceSettings, load_broker

_HEADINGS: Final = ("ID", "EVENT", "SUBJECT", "ATTEMPTS", "FIRST FAILED", "LAST FAILED", "ERROR")
_LONGEST_ERROR: Final = 100

Work = Callable[[DeadLetters], Awaitable[int]]


def dead_letters_command(kind: type[ServiceSettings]) -> OperatorCommand:
    """Return the command of a service; of the settings it needs only the address of the broker."""
    return OperatorCommand(
        "dead-letters",
        "list, show, replay or drop the messages that could not be handled",
        _configure,
        lambda arguments: _run(kind, arguments.work(arguments)),
    )


def _configure(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_subparsers(metavar="list | show | replay | drop", required=True)
    listing = asked.add_parser("list", help="a table, oldest first; the queue stays as it is")
    listing.set_defaults(work=lambda _: _list)
    show = asked.add_parser("show", help="all of one message: what failed, its headers, its body")
    show.add_argument("ids", nargs=1, metavar="ID")
    show.set_defaults(work=lambda arguments: partial(_show, arguments.ids[0]))
    _add_choosing(asked.add_parser("replay", help="give messages to the service once more"), "replayed")
    _add_choosing(asked.add_parser("drop", help="remove messages for good"), "dropped")


def _add_choosing(parser: argparse.ArgumentParser, done: str) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="of a message, as `list` shows it")
    parser.add_argument("--all", action="store_true", help="every dead letter there is now")

    def work(arguments: argparse.Namespace) -> Work:
        if bool(arguments.ids) is arguments.all:
            parser.error("name the messages by their ids, or say --all")
        return partial(_replay_or_drop, arguments.ids, done)

    parser.set_defaults(work=work)


def _run(kind: type[ServiceSettings], work: Work) -> int:
    service = kind.service()
    url = load_broker(kind).amqp_url.get_secret_value()
    try:
        return asyncio.run(_with_letters(url, service, work))
    except NoQueueError as error:
        raise UnavailableError(f"no queue {error} at the broker: {service} declares it when it starts") from error
    except BROKER_AWAY as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise UnavailableError(f"RabbitMQ does not answer, or refuses {service}: {type(error).__name__}") from error


async def _with_letters(url: str, service: str, work: Work) -> int:
    async with open_dead_letters(url, service) as letters:
        return await work(letters)


async def _list(letters: DeadLetters) -> int:
    found = await letters.all()
    for line in _table([_HEADINGS, *map(_row, found)]) if found else ():
        say(line)
    complain(f"dead letters: {len(found)}")
    return Exit.FINE


def _row(letter: DeadLetter) -> tuple[str, ...]:
    end = letter.failure
    attempts = "-" if end.attempts is None else str(end.attempts)
    moments = (_to_seconds(end.first_failed_at), _to_seconds(end.failed_at))
    return (letter.name, letter.event_type, letter.subject, attempts, *moments, _in_short(end.error or "-"))


def _to_seconds(moment: str | None) -> str:
    return printable(moment[:19] + "Z") if moment else "-"


def _in_short(error: str) -> str:
    line = printable(error)
    return line if len(line) <= _LONGEST_ERROR else line[: _LONGEST_ERROR - 1] + "…"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


async def _show(name: str, letters: DeadLetters) -> int:
    found = await letters.read(lambda other: other == name)
    for letter in found:
        for line in _whole(letter):
            say(line)
    return _missing([name], Counter(one.letter.name for one in found))


def _whole(full: FullDeadLetter) -> Iterator[str]:
    letter, end = full.letter, full.letter.failure
    yield f"id            {letter.name}"
    yield f"event         {letter.event_type}"
    yield f"subject       {letter.subject}"
    yield f"attempts      {'-' if end.attempts is None else end.attempts}"
    yield f"first failed  {printable(end.first_failed_at or '-')}"
    yield f"last failed   {printable(end.failed_at or '-')}"
    yield f"error         {printable(end.error or '-')}"
    yield "headers"
    for name, value in sorted(full.headers.items()):
        yield f"  {printable(name)}: {printable(str(value))}"
    yield f"body          {len(full.body)} bytes"
    yield from (f"  {printable(line)}" for line in _readable(full.body).split("\n"))
    yield ""


def _readable(body: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body.decode("utf-8", "backslashreplace")


async def _replay_or_drop(names: Sequence[str], done: str, letters: DeadLetters) -> int:
    """Replay or drop the messages of these names, or all without names. Print a line for each."""
    counted: Counter[str] = Counter()

    def on_done(letter: DeadLetter) -> None:
        counted[letter.name] += 1
        say(f"{done} {letter.name} {letter.event_type} {letter.subject}")

    act: Callable[[NameFilter, OnDone], Awaitable[None]]
    act = letters.replay if done == "replayed" else letters.drop
    await act(lambda name: not names or name in names, on_done)
    complain(f"{done}: {counted.total()}")
    return _missing(names, counted)


def _missing(names: Sequence[str], found: Counter[str]) -> int:
    """Report the names that no message has, and those that several messages have."""
    for name in dict.fromkeys(names):
        if not found[name]:
            complain(f"no dead letter {printable(name)}")
        elif found[name] > 1:
            complain(f"{name} is the id of {found[name]} dead letters, each of which was meant")
    return Exit.FINE if all(found[name] for name in names) else Exit.DIFFERENCES
