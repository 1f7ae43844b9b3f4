"""An inbox of 300,000 entries costs what a small one costs: MongoDB says how many keys and records it has read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final

import pytest

from deploy.local.servers import Servers
from services.notification.store import INDEXES, MOST_UNREAD, READ_AT_ONCE, Inbox, InboxQuery
from shared.mongo import Record, connect, ensure_indexes
from tests.support.clock import MONDAY, local
from tests.support.servers import Databases

NOW: Final = local(MONDAY)
MANY: Final = 300_000
_PAGE: Final = 51
COMMON, RARE, READ_RARE = "task.assigned", "task.recalled", "task.completed"


def _records() -> list[Record]:
    """Return stages of MongoDB that make the records on the server, which is far faster than to send them.

    The entries are unread, but every tenth. The rare kinds stand at the far end; those of the second are all read.
    """
    rare, read_rare = {"$gt": ["$number", MANY - 10]}, {"$gt": ["$number", MANY - 20]}
    kind = {"$cond": [rare, RARE, {"$cond": [read_rare, READ_RARE, COMMON]}]}
    is_read = {"$or": [{"$eq": [{"$mod": ["$number", 10]}, 0]}, {"$eq": [kind, READ_RARE]}]}
    record = {
        "_id": {"$concat": ["e-", {"$toString": {"$add": ["$number", 1_000_000]}}]},
        "username": "chair",
        "task_id": {"$concat": ["t-", {"$toString": {"$floor": {"$divide": ["$number", 10]}}}]},
        "kind": kind,
        "at": {"$subtract": [NOW, {"$multiply": [60_000, {"$floor": {"$divide": ["$number", 5_000]}}]}]},
        "title": {"vi": "Nhiệm vụ", "en": "Task"},
        "text": {"vi": "Nhiệm vụ.", "en": "Task."},
        "read_at": {"$cond": [is_read, NOW, None]},
        "unread": {"$not": [is_read]},
    }
    numbers: list[Record] = [{"$project": {"number": {"$range": [0, MANY]}}}, {"$unwind": "$number"}]
    return [*numbers, {"$replaceWith": record}, {"$out": "inbox"}]


class LargeInbox:
    """The inbox, and what the server reads for it."""

    def __init__(self, inbox: Inbox, administration: Any) -> None:
        self.inbox = inbox
        self._administration = administration

    async def fill(self) -> None:
        await self._administration["seed"].insert_one({})
        await (await self._administration["seed"].aggregate(_records())).to_list()

    async def read_for(self, work: Any) -> tuple[Any, int]:
        """Return what some work gave, and the most keys or records that one operation of it read."""
        await self._administration.command("profile", 0)
        await self._administration["system.profile"].drop()
        await self._administration.command("profile", 2)
        result = await work
        await self._administration.command("profile", 0)
        profiled = await self._administration["system.profile"].find({"keysExamined": {"$exists": True}}).to_list()
        assert profiled, "nothing was asked"
        assert not any(one.get("hasSortStage") for one in profiled), profiled
        return result, max(max(one["keysExamined"], one["docsExamined"]) for one in profiled)


@pytest.fixture
async def large(servers: Servers) -> AsyncIterator[LargeInbox]:
    async with AsyncExitStack() as afterwards:
        made = await Databases(servers, afterwards).create()
        client = connect(made.uri, "tests")
        afterwards.callback(client.close)
        inbox = LargeInbox(Inbox(client[made.name]), servers.administration[made.name])
        await inbox.fill()
        await ensure_indexes(client[made.name], INDEXES)
        yield inbox


async def test_every_question_and_every_marking_reads_a_bounded_number_of_entries(large: LargeInbox) -> None:
    await _hold_lists(large)
    await _hold_markings(large)


async def _hold_lists(large: LargeInbox) -> None:
    inbox, middle = large.inbox, (NOW - timedelta(minutes=30), "e-1152500")
    whole_pages = [
        InboxQuery("chair"),
        InboxQuery("chair", after=middle),
        InboxQuery("chair", unread=True),
        InboxQuery("chair", unread=True, after=middle),
        InboxQuery("chair", kind=COMMON),
        InboxQuery("chair", kind=COMMON, after=middle),
        InboxQuery("chair", kind=COMMON, unread=True),
        InboxQuery("chair", kind=COMMON, unread=True, after=middle),
    ]
    for query in whole_pages:
        page, most = await large.read_for(inbox.find(query, _PAGE))
        assert len(page) == _PAGE, query
        assert most <= 4 * _PAGE, query
        assert page == sorted(page, key=lambda entry: (entry.at, entry.id), reverse=True)
        assert not query.unread or all(entry.read_at is None for entry in page)
        assert query.kind in {None, *(entry.kind for entry in page)}
    few = {
        InboxQuery("chair", kind=RARE): 9,
        InboxQuery("chair", kind=RARE, unread=True): 9,
        InboxQuery("chair", kind=READ_RARE): 10,
        InboxQuery("chair", kind=READ_RARE, unread=True): 0,
        InboxQuery("chair", "t-7", unread=True, kind=COMMON): 9,
        InboxQuery("chair", "t-7", kind=RARE): 0,
        InboxQuery("nobody", unread=True): 0,
    }
    for query, length in few.items():
        page, most = await large.read_for(inbox.find(query, _PAGE))
        assert (len(page), most <= 40) == (length, True), query
    unread, most = await large.read_for(inbox.count_unread("chair"))
    assert (unread, most <= MOST_UNREAD + 1) == (MOST_UNREAD, True)


async def _hold_markings(large: LargeInbox) -> None:
    inbox = large.inbox
    until = NOW - timedelta(minutes=30)
    piece, most = await large.read_for(inbox.unread_until("chair", until))
    assert (len(piece), most <= READ_AT_ONCE + 1) == (READ_AT_ONCE, True)
    marked, most = await large.read_for(inbox.mark_read(piece, "chair", NOW))
    assert (marked, most <= 3 * READ_AT_ONCE) == (READ_AT_ONCE, True)
    following, most = await large.read_for(inbox.unread_until("chair", until))
    assert not set(piece) & set(following)
    assert most <= READ_AT_ONCE + 1
    nothing, most = await large.read_for(inbox.unread_until("chair", NOW - timedelta(days=30)))
    assert (nothing, most <= 1) == ([], True)
