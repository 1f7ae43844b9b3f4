"""Batched writes on a real server: every caller is told what it would have been told alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from traceback import format_exception
from typing import Any, Final, cast

import pytest
from bson import Int64
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
)

from deploy.local.servers import Servers
from shared.batched_writes import BatchedWrites, Update, duplicate_of, errors_by_index, new_write_id
from shared.batching import copy_of
from shared.breaker import UnavailableError
from shared.mongo import Collection, Index, ascending, connect, ensure_indexes, is_away
from tests.support.interleaving import InterruptedCollection
from tests.support.messaging import wait_until
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import Database

NAME: Final = "notes"
_UNUSED: Final = Int64(1_000_000)
"""A transaction number that the driver has not come to, in whichever session it hands out."""
_TAKES: Final = Index(NAME, ascending("takes"), unique=True, partial={"takes": {"$gt": ""}})


@dataclass
class Notes:
    """A collection of which each record keeps a log: who wrote it, and by which write."""

    collection: Collection
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.writes = BatchedWrites(self.collection, write_ids="log.write", written=self.told.update)

    async def insert(self, key: str, mark: str, **others: Any) -> bool:
        try:
            await self.writes.insert({"_id": key, "version": 1, "log": [{"mark": mark}], **others})
        except DuplicateKeyError:
            return False
        return True

    async def update(self, key: str, version: int, mark: str) -> bool:
        return await self.writes.update(self.update_of(key, version, mark))

    def update_of(self, key: str, version: int, mark: str) -> Update:
        write_id = new_write_id()
        change = {"$set": {"version": version + 1}, "$push": {"log": {"mark": mark, "write": write_id}}}
        return Update(key, {"version": version}, change, write_id)

    async def log(self, key: str) -> list[str]:
        found = await self.collection.find_one({"_id": key})
        return [entry["mark"] for entry in found["log"]] if found else []


@pytest.fixture
async def notes(database: Database) -> AsyncIterator[Notes]:
    client = connect(database.uri, "tests")
    await ensure_indexes(client[database.name], [_TAKES])
    yield Notes(client[database.name][NAME])
    client.close()


@dataclass(frozen=True)
class Wish:
    """An insert, or an update decided on a version."""

    key: str
    mark: str
    version: int | None


async def _grant(notes: Notes, wish: Wish) -> bool:
    if wish.version is None:
        return await notes.insert(wish.key, wish.mark)
    return await notes.update(wish.key, wish.version, wish.mark)


async def _versions(notes: Notes, keys: Sequence[str]) -> dict[str, int]:
    return {key: len(await notes.log(key)) for key in keys}


def _assert_as_one_by_one(wishes: Sequence[Wish], granted: Sequence[bool], logs: dict[str, list[str]]) -> None:
    """Hold that some order of the wishes, done one by one, leaves these logs and these answers."""
    for wish, was_granted in zip(wishes, granted, strict=True):
        place = [number for number, mark in enumerate(logs[wish.key]) if mark == wish.mark]
        assert place == ([wish.version or 0] if was_granted else []), wish
        if not was_granted:  # another was there first, where this one wanted to be
            assert len(logs[wish.key]) > (wish.version or 0), wish


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_mix_of_writes_ends_as_if_done_one_by_one(notes: Notes, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - to be had again
    keys = [f"note-{number}" for number in range(8)]
    for turn in range(12):
        versions = await _versions(notes, keys)
        wishes = []
        for number in range(random.randint(1, 60)):
            key = random.choice(keys)
            known = versions[key]
            version = random.choice([None, *range(max(1, known - 1), known + 1)]) if known else None
            wishes.append(Wish(key, f"{turn}.{number}", version))
        granted = await asyncio.gather(*(_grant(notes, wish) for wish in wishes))
        _assert_as_one_by_one(wishes, granted, {key: await notes.log(key) for key in keys})
    assert notes.told == {key: len(await notes.log(key)) for key in keys}


async def test_of_many_changes_to_one_version_one_is_done(notes: Notes) -> None:
    await notes.insert("a", "first")
    done = await asyncio.gather(*(notes.update("a", 1, str(number)) for number in range(50)))
    assert done.count(True) == 1
    assert await notes.log("a") == ["first", str(done.index(True))]


async def test_a_change_of_what_is_not_there_makes_nothing(notes: Notes) -> None:
    assert list(await asyncio.gather(notes.update("gone", 1, "x"), notes.insert("a", "y"))) == [False, True]
    assert await notes.collection.count_documents({}) == 1


async def test_which_unique_value_is_taken_is_told(notes: Notes) -> None:
    await notes.writes.insert({"_id": "a", "takes": "x"})
    outcomes = await asyncio.gather(
        notes.writes.insert({"_id": "a", "takes": "y"}),
        notes.writes.insert({"_id": "b", "takes": "x"}),
        notes.writes.insert({"_id": "c", "takes": "y"}),
        return_exceptions=True,
    )
    taken = [duplicate_of(error) if isinstance(error, DuplicateKeyError) else error for error in outcomes]
    assert taken == [["_id"], ["takes"], None]


async def test_a_write_that_fails_harms_no_other(notes: Notes) -> None:
    await asyncio.gather(notes.insert("a", "1"), notes.insert("b", "1"))
    outcomes = await asyncio.gather(
        notes.update("a", 1, "2"),
        notes.writes.update(Update("b", {"version": 1}, {"$push": {"version": "no list"}}, new_write_id())),
        notes.writes.insert({"_id": "c", "what": object()}),
        notes.writes.insert({"_id": "d", "number": 2**64}),
        notes.insert("e", "1"),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [bool, WriteError, InvalidDocument, OverflowError, bool]
    assert await _versions(notes, "abcde") == {"a": 2, "b": 1, "c": 0, "d": 0, "e": 1}


async def test_a_writer_that_leaves_is_written_and_told_of_all_the_same(notes: Notes) -> None:
    leaving = asyncio.create_task(notes.insert("a", "1"))
    for _ in range(3):
        await asyncio.sleep(0)
    staying = asyncio.create_task(notes.insert("b", "1"))
    await asyncio.sleep(0)
    leaving.cancel()
    await notes.writes.drain()
    assert (leaving.cancelled(), await staying) == (True, True)
    assert notes.told == {"a": 1, "b": 1}
    assert await _versions(notes, "ab") == {"a": 1, "b": 1}


@pytest.fixture
async def severable(servers: Servers, database: Database) -> AsyncIterator[tuple[Notes, TcpProxy]]:
    """Notes on a server that can be cut off."""
    async with AsyncExitStack() as afterwards:
        proxy = await afterwards.enter_async_context(proxy_to(servers.mongod.port))
        client = connect(proxy.address_of(database.uri), "tests", timeout=0.5)
        afterwards.callback(client.close)
        yield Notes(client[database.name][NAME]), proxy


async def test_a_server_that_is_away_is_said_to_every_writer_and_forgotten_once_it_is_back(
    severable: tuple[Notes, TcpProxy],
) -> None:
    notes, proxy = severable
    assert await notes.insert("before", "1")
    writing = [asyncio.create_task(notes.insert(f"during-{number}", "1")) for number in range(20)]
    await asyncio.sleep(0)
    await proxy.cut()
    late = [asyncio.create_task(notes.insert(f"late-{number}", "1")) for number in range(20)]
    outcomes = await asyncio.gather(*writing, *late, return_exceptions=True)
    assert all(outcome is True or (isinstance(outcome, Exception) and is_away(outcome)) for outcome in outcomes)
    assert all(outcome is not True for outcome in outcomes[20:])
    await proxy.restore()

    async def is_written() -> bool:
        try:
            return await notes.insert("after", "1")
        except (ConnectionFailure, UnavailableError):
            return False

    await wait_until(is_written, "writes are done again")
    acknowledged = [f"during-{number}" for number, outcome in enumerate(outcomes[:20]) if outcome is True]
    assert set(notes.told) == {"before", "after", *acknowledged}
    assert await notes.collection.count_documents({"_id": {"$in": acknowledged}}) == len(acknowledged)


def test_what_a_majority_did_not_confirm_is_not_acknowledged() -> None:
    """A server that steps down between its write and the confirmation of the others."""
    stepped_down = {"code": 189, "errmsg": "PrimarySteppedDown"}
    taken = {"index": 1, "code": 11000, "errmsg": "E11000", "keyPattern": {"_id": 1}}
    error = BulkWriteError({"writeErrors": [taken], "writeConcernErrors": [stepped_down]})
    errors = errors_by_index(error, 3)
    assert [type(errors[place]) for place in range(3)] == [WriteConcernError, DuplicateKeyError, WriteConcernError]
    assert is_away(errors[0])
    assert is_away(errors[2])
    assert {failure.__cause__ for failure in errors.values()} == {error}


# Lost races


async def test_who_won_is_asked_only_where_somebody_lost(notes: Notes) -> None:
    watched = InterruptedCollection(notes.collection)
    ours = Notes(cast("Collection", watched))
    await asyncio.gather(ours.insert("a", "1"), ours.insert("b", "1"))
    done = await asyncio.gather(ours.update("a", 1, "2"), ours.update("b", 1, "2"), ours.insert("a", "x"))
    assert list(done) == [True, True, False]
    assert watched.looks == 0
    assert list(await asyncio.gather(ours.update("a", 2, "3"), ours.update("b", 1, "y"))) == [True, False]
    assert watched.looks == 1


async def test_who_won_is_told_so_whatever_others_write_before_it_is_asked(notes: Notes) -> None:
    await asyncio.gather(notes.insert("a", "1"), notes.insert("b", "1"))
    watched = InterruptedCollection(notes.collection)
    ours = Notes(cast("Collection", watched))

    async def go_on() -> None:
        for version in range(2, 30):
            assert await notes.update("a", version, str(version + 1))

    watched.before, watched.between = lambda: notes.update("b", 1, "theirs"), go_on
    won = await asyncio.gather(ours.update("a", 1, "ours"), ours.update("a", 1, "late"), ours.update("b", 1, "ours"))
    assert list(won) == [True, False, False]
    assert (await notes.log("a"))[:3] == ["1", "ours", "3"]
    assert await notes.log("b") == ["1", "theirs"]
    assert ours.told == {"a": 1}


async def test_if_nobody_can_say_who_won_only_the_updates_fail(notes: Notes) -> None:
    await asyncio.gather(notes.insert("a", "1"), notes.insert("b", "1"))
    watched = InterruptedCollection(notes.collection)
    ours = Notes(cast("Collection", watched))

    async def fail() -> None:
        raise AutoReconnect("away")

    watched.between = fail
    outcomes = await asyncio.gather(
        ours.update("a", 1, "ours"),
        ours.update("b", 9, "ours"),
        ours.insert("c", "ours"),
        ours.insert("b", "ours"),
        return_exceptions=True,
    )
    assert [is_away(one) if isinstance(one, Exception) else one for one in outcomes] == [True, True, True, False]
    assert isinstance(outcomes[0], AutoReconnect)
    assert outcomes[0] is not outcomes[1]
    assert outcomes[2] is True
    assert ours.told == {"c": 1}


async def test_updates_that_the_driver_sends_again_are_counted_as_before(notes: Notes) -> None:
    """A reply that was lost on its way: the driver repeats the command under its transaction number."""
    await notes.insert("a", "1")
    changes = [{"$set": {"version": 2}, "$push": {"log": {"mark": mark}}} for mark in ("won", "lost")]
    updates = [{"q": {"_id": "a", "version": 1}, "u": change} for change in changes]
    command = {"update": NAME, "updates": updates, "ordered": False, "txnNumber": _UNUSED}
    async with await notes.collection.database.client.start_session() as session:
        answers = [await notes.collection.database.command(dict(command), session=session) for _ in range(2)]
    assert [(answer["n"], answer["nModified"]) for answer in answers] == [(1, 1), (1, 1)]
    assert "retriedStmtIds" in answers[1]
    assert await notes.log("a") == ["1", "won"]


async def test_the_traceback_of_a_failed_write_shows_the_driver_and_the_caller(notes: Notes) -> None:
    await notes.insert("a", "1")

    async def an_act() -> None:
        await notes.writes.update(Update("a", {"version": 1}, {"$push": {"version": "no list"}}, new_write_id()))

    with pytest.raises(WriteError) as raised:
        await an_act()
    told = "".join(format_exception(raised.value))
    assert "in an_act" in told
    assert "in bulk_write" in told


@pytest.mark.parametrize(
    "error",
    [
        ServerSelectionTimeoutError("no server"),
        AutoReconnect("closed", {"one": "why"}),
        NotPrimaryError("not primary", {"code": 10107}),
        ExecutionTimeout("too long", 50, {"code": 50}),
        WriteConcernError("stepping down", 189, {"code": 189}),
        OperationFailure("disk full", 14031),
        DuplicateKeyError("taken", 11000, {"keyPattern": {"takes": 1}}),
        WriteError("no list", 2, {"index": 0}),
    ],
)
def test_a_copy_of_an_error_of_the_driver_tells_what_the_error_told(error: PyMongoError) -> None:
    copied = copy_of(error)
    assert type(copied) is type(error)
    assert copied.__dict__ == error.__dict__
    assert (str(copied), is_away(copied)) == (str(error), is_away(error))
    assert copied.__cause__ is error


class _Unconfirmed:
    """A collection whose primary steps down after each bulk write: no majority confirms it."""

    name: Final = "unconfirmed"
    codec_options: Final = DEFAULT_CODEC_OPTIONS

    def __init__(self, notes: Collection) -> None:
        self.database = notes.database

    async def bulk_write(self, writes: Sequence[Any], *, ordered: bool) -> None:  # noqa: ARG002 - as the driver has it
        stepped_down = {"code": 189, "errmsg": "PrimarySteppedDown"}
        raise BulkWriteError({"writeErrors": [], "writeConcernErrors": [stepped_down], "nMatched": len(writes)})


async def test_no_caller_is_answered_by_a_bulk_write_that_no_majority_confirmed(notes: Notes) -> None:
    told: list[Any] = []
    writes = BatchedWrites(cast("Collection", _Unconfirmed(notes.collection)), written=told.extend)
    outcomes = await asyncio.gather(
        writes.update(Update("a", {"version": 1}, {"$set": {"version": 2}}, new_write_id())),
        writes.insert({"_id": "b"}),
        return_exceptions=True,
    )
    assert [isinstance(outcome, WriteConcernError) and is_away(outcome) for outcome in outcomes] == [True, True]
    assert outcomes[0] is not outcomes[1]
    assert told == []


async def test_many_updates_of_one_caller_are_one_bulk_write(notes: Notes) -> None:
    await asyncio.gather(notes.insert("a", "1"), notes.insert("b", "1"))
    updates = [notes.update_of(key, version, "2") for key, version in (("a", 1), ("b", 9), ("gone", 1))]
    assert await notes.writes.update_all(updates) == [True, False, False]
    assert await notes.writes.update_all([]) == []
    assert notes.told == {"a": 2, "b": 1}
    broken = Update("b", {"version": 1}, {"$push": {"version": "no list"}}, new_write_id())
    with pytest.raises(WriteError):
        await notes.writes.update_all([notes.update_of("a", 2, "3"), broken])
    assert await _versions(notes, "ab") == {"a": 3, "b": 1}
