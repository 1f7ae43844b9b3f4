"""Group commit on a real server: every writer is told what it would have been told alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import ConnectionFailure, DuplicateKeyError, WriteConcernError, WriteError

from deploy.local.servers import Servers
from shared.group_commit import GroupCommit, _outcomes, duplicate_of
from shared.mongo import Collection, Index, ascending, connect, ensure_indexes, is_away
from tests.support.messaging import wait_until
from tests.support.proxy import TcpProxy, proxy_to
from tests.support.servers import Database

NAME: Final = "notes"
_TAKES: Final = Index(NAME, ascending("takes"), unique=True, partial={"takes": {"$gt": ""}})


@dataclass
class Notes:
    """A collection written by group commit; each document keeps a log of those who wrote it."""

    collection: Collection
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.writes = GroupCommit(self.collection, self.told.update)

    async def insert(self, key: str, mark: str, **others: Any) -> bool:
        try:
            await self.writes.insert({"_id": key, "version": 1, "log": [mark], **others})
        except DuplicateKeyError:
            return False
        return True

    async def update(self, key: str, version: int, mark: str) -> bool:
        change = {"$set": {"version": version + 1}, "$push": {"log": mark}}
        return await self.writes.update(key, {"version": version}, change)

    async def log(self, key: str) -> list[str]:
        found = await self.collection.find_one({"_id": key})
        return list(found["log"]) if found else []


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
        notes.writes.update("b", {"version": 1}, {"$push": {"version": "no list"}}),
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
        uri = database.uri.replace(f":{servers.mongod.port}", f":{proxy.port}")
        uri = uri.replace("replicaSet=dondoc", "directConnection=true")
        client = connect(uri, "tests", selection_timeout=0.5)
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
    await wait_until(lambda: _answers(notes.collection), "the driver has found the server again")
    assert await notes.insert("after", "1")
    acknowledged = [f"during-{number}" for number, outcome in enumerate(outcomes[:20]) if outcome is True]
    assert set(notes.told) == {"before", "after", *acknowledged}
    assert await notes.collection.count_documents({"_id": {"$in": acknowledged}}) == len(acknowledged)


async def _answers(collection: Collection) -> bool:
    try:
        await collection.find_one()
    except ConnectionFailure:
        return False
    return True


def test_what_a_majority_did_not_confirm_is_not_acknowledged() -> None:
    """A server that steps down between its write and the confirmation of the others."""
    stepped_down = {"code": 189, "errmsg": "PrimarySteppedDown"}
    taken = {"index": 1, "code": 11000, "errmsg": "E11000", "keyPattern": {"_id": 1}}
    outcomes = _outcomes({"writeErrors": [taken], "writeConcernErrors": [stepped_down]}, 3)
    assert [type(outcome) for outcome in outcomes] == [WriteConcernError, DuplicateKeyError, WriteConcernError]
    assert all(is_away(outcome) for outcome in (outcomes[0], outcomes[2]) if outcome)
