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
_AT_ONCE: Final = 20_000
_PAGE: Final = 51
COMMON, RARE, READ_RARE = "task.assigned", "task.recalled", "task.completed"


def a_record(number: int) -> Record:
    """Return an unread entry, every tenth read; the rare kinds stand at the far end, one of them is read."""
    kind = RARE if number > MANY - 10 else READ_RARE if number > MANY - 20 else COMMON
    is_read = number % 10 == 0 or kind == READ_RARE
    return {
        "_id": f"e-{number:06}",
        "username": "chair",
        "task_id": f"t-{number // 10}",
        "kind": kind,
        "at": NOW - timedelta(minutes=number // 5_000),
        "title": {"vi": "Nhiệm vụ", "en": "Task"},
        "text": {"vi": "Nhiệm vụ.", "en": "Task."},
        "read_at": NOW if is_read else None,
        "unread": not is_read,
    }


class LargeInbox:
    """The inbox, and what the server reads for it."""

    def __init__(self, inbox: Inbox, administration: Any) -> None:
        self.inbox = inbox
        self._administration = administration

    async def fill(self) -> None:
        for first in range(0, MANY, _AT_ONCE):
            records = [a_record(number) for number in range(first, first + _AT_ONCE)]
            await self._administration["inbox"].insert_many(records, ordered=False)

    async def read_for(self, work: Any) -> tuple[Any, int]:
        """Return what some work gave, and the most keys or records that one operation of it read."""
        await self._administration.command("profile", 0)
        await self._administration["system.profile"].drop()
        await self._administration.command("profile", 2)
        result = await work
        await self._administration.command("profile", 0)
        profiled = await self._administration["system.profile"].find({"keysExamined": {"$exists": True}}).to_list()
        assert profiled, "nothing was asked"
        assert not any(one.get("hasSortStage") for one in profiled)
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


async def test_every_question_reads_a_bounded_number_of_entries(large: LargeInbox) -> None:
    inbox, middle = large.inbox, (NOW - timedelta(minutes=30), "e-152500")
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


async def test_marking_reads_only_what_it_marks(large: LargeInbox) -> None:
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
