"""`resend`: puts events that were published before into the outbox once more, for services that have missed them.

The events are made anew from the histories of the tasks and from the directory: with the same ids and the same content.
A consumer drops those that it has, so a repeat does no harm.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.assignment.app import OUTBOXES
from services.assignment.directory.store import ACCOUNTS, AGENCIES, DirectoryStore
from services.assignment.settings import AssignmentSettings
from services.assignment.tasks.store import TASKS, past_events, task_ids
from shared.background import growing_waits
from shared.commands.command import Exit, OperatorCommand, UnavailableError, complain, say
from shared.events.codec import encode
from shared.messaging.outbox import Outbox
from shared.mongo import Database, connect, is_away
from shared.settings import load

if TYPE_CHECKING:
    from shared.events.envelope import Event

_RATE: Final = 200
_PIECE_EVENTS: Final = 100
_PIECE_BYTES: Final = 1_000_000
"""What is put into one record at once: with its history, a record has at most 16 MB."""
_MOST_WAITING: Final = 1_000
"""How many records may wait for the relay before no more is put into the outboxes."""
_PROGRESS_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 2.0


class Piece(NamedTuple):
    """Some events of one record, oldest first."""

    collection: str
    record_id: str
    events: Sequence[Event[Any]]


class Resending:
    """Puts pieces into the outboxes, at most `rate` events a second, and counts them."""

    def __init__(self, database: Database, rate: int) -> None:
        self._database = database
        self._outboxes = {name: Outbox(database[name]) for name in OUTBOXES}
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self._free_at = self._said_at = self._loop.time()
        self.events = 0
        self.broken = 0

    async def put(self, piece: Piece) -> None:
        await self._until_room(piece)
        await self._pace(len(piece.events))
        await self._outboxes[piece.collection].put_again(piece.record_id, piece.events)
        self.events += len(piece.events)
        self._show(f"{piece.collection} {piece.record_id}")

    async def put_tasks(self, ids: Sequence[str], since: datetime | None = None) -> set[str]:
        """Put the events of these tasks, and return the ids of those that exist."""
        known: set[str] = set()
        async for past in past_events(self._database, ids, since):
            known.add(past.task_id)
            if past.broken:
                self.broken += 1
                complain(f"not sent again: {past.task_id}: its history cannot be replayed ({past.broken})")
            for piece in _pieces(past.task_id, past.events, min(self._rate, _PIECE_EVENTS)):
                await self.put(piece)
        return known

    async def put_directory(self) -> None:
        """Put the event of the last change of each agency and each account; no other is kept."""
        directory = DirectoryStore(self._database)
        for collection, found in ((AGENCIES, directory.agency_events()), (ACCOUNTS, directory.account_events())):
            async for key, event in found:
                await self.put(Piece(collection, key, [event]))

    async def _until_room(self, piece: Piece) -> None:
        """Wait while the relay has much to do: it may have stopped, or RabbitMQ may be away."""
        waits = growing_waits(longest=_LONGEST_WAIT_SECONDS)
        while not await self._has_room(piece):
            self._show("waiting until assignment has published what is in its outboxes")
            await asyncio.sleep(next(waits))

    async def _has_room(self, piece: Piece) -> bool:
        outbox = self._outboxes[piece.collection]
        return await outbox.is_empty(piece.record_id) and (await outbox.depth())[0] < _MOST_WAITING

    async def _pace(self, count: int) -> None:
        now = self._loop.time()
        begins_at = max(self._free_at, now)
        self._free_at = begins_at + count / self._rate
        await asyncio.sleep(begins_at - now)

    def _show(self, where: str) -> None:
        if self._loop.time() - self._said_at >= _PROGRESS_SECONDS:
            self._said_at = self._loop.time()
            complain(f"{self.events} events so far, now: {where}")


def _pieces(task_id: str, events: Sequence[Event[Any]], most: int) -> Iterator[Piece]:
    piece: list[Event[Any]] = []
    size = 0
    for event in events:
        added = len(encode(event))
        if piece and (len(piece) == most or size + added > _PIECE_BYTES):
            yield Piece(TASKS, task_id, piece)
            piece, size = [], 0
        piece.append(event)
        size += added
    if piece:
        yield Piece(TASKS, task_id, piece)


async def _resend(settings: AssignmentSettings, arguments: argparse.Namespace) -> int:
    with closing(connect(settings.mongodb_uri.get_secret_value(), f"{settings.service()}.resend")) as client:
        database = client[settings.mongodb_database]
        resending = Resending(database, arguments.rate)
        unknown: list[str] = []
        if arguments.directory or arguments.all:
            await resending.put_directory()
        async for ids in _chosen(database, arguments):
            known = await resending.put_tasks(ids, arguments.since)
            unknown += [task_id for task_id in ids if task_id not in known]
    for task_id in unknown:
        complain(f"no task {task_id}")
    say(f"events put into the outboxes once more: {resending.events}")
    return Exit.DIFFERENCES if unknown or resending.broken else Exit.FINE


async def _chosen(database: Database, arguments: argparse.Namespace) -> AsyncIterator[Sequence[str]]:
    if arguments.task:
        yield list(dict.fromkeys(arguments.task))
    elif not arguments.directory:
        async for ids in task_ids(database, arguments.since):
            yield ids


def _run(arguments: argparse.Namespace) -> int:
    try:
        return asyncio.run(_resend(load(AssignmentSettings), arguments))
    except Exception as error:
        if not is_away(error):
            raise
        raise UnavailableError("MongoDB does not answer; call `resend` again later") from error


def _configure(parser: argparse.ArgumentParser) -> None:
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--task", nargs="+", metavar="ID", help="the events of these tasks")
    chosen.add_argument(
        "--since", type=_moment, metavar="MOMENT", help="what was recorded since then (2026-11-30T08:00:00+07:00)"
    )
    chosen.add_argument("--all", action="store_true", help="the directory, and the events of all tasks")
    chosen.add_argument("--directory", action="store_true", help="all agencies and accounts")
    parser.add_argument(
        "--rate", type=_rate, default=_RATE, metavar="N", help=f"at most so many events a second ({_RATE})"
    )


def _moment(text: str) -> datetime:
    """Read a moment with its offset from UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"no moment with its offset from UTC: {text}")
    return moment


def _rate(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"no number of events a second: {text}")
    return int(text)


RESEND: Final = OperatorCommand(
    "resend", "put events into the outbox once more, for services that have missed them", _configure, _run
)
