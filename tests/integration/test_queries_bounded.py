"""No query of deadline, notification or reporting reads more than a few times what it returns.

Left out, because they read everything by nature: reporting's summary (`Versions.count`), and what only `check` asks:
`task_ids` of the three stores, `agencies`, `people` and `Names.all`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from deploy.local.servers import Servers
from services.deadline.store import INDEXES as WATCH_INDEXES
from services.deadline.store import WATCHES, WatchStore
from services.notification.rules.routing import Post
from services.notification.store import INDEXES as INBOX_INDEXES
from services.notification.store import DirectoryCopy, Inbox, InboxEntry, InboxQuery
from services.reporting.rules.versions import NEWEST, version_of
from services.reporting.store import INDEXES as VERSION_INDEXES
from services.reporting.store import VERSIONS, Named, Names, Versions
from shared.mongo import Database, Record, connect, ensure_indexes
from shared.office.vocabulary import Role
from tests.bench.tasks import a_task
from tests.support.clock import MONDAY, local
from tests.support.servers import Databases

NOW: Final = local(MONDAY)
MANY: Final = 20_000


class Watched:
    """A database, and what its server reads while the block runs."""

    def __init__(self, database: Database, administration: Any) -> None:
        self.database = database
        self._administration = administration

    async def fill(self, collection: str, records: Iterable[Record]) -> None:
        """Insert as the administrator, who has all the time that it takes."""
        await self._administration[collection].insert_many(records)

    @asynccontextmanager
    async def bounded(self, extra: int = 200) -> AsyncIterator[None]:
        """Hold each operation of the block to four times what it returns or changes, and `extra`."""
        await self._administration.command("profile", 0)
        await self._administration["system.profile"].drop()
        await self._administration.command("profile", 2)
        yield
        await self._administration.command("profile", 0)
        read = await self._administration["system.profile"].find({"keysExamined": {"$exists": True}}).to_list()
        assert read, "nothing was asked"
        assert [one for one in read if _excess(one) > extra] == []


def _excess(read: Record) -> int:
    done = read.get("nreturned", 0) + read.get("nModified", 0) + read.get("nMatched", 0)
    return int(max(read["keysExamined"], read["docsExamined"]) - 4 * done)


@pytest.fixture
async def watched(servers: Servers) -> AsyncIterator[Watched]:
    async with AsyncExitStack() as afterwards:
        made = await Databases(servers, afterwards).create()
        client = connect(made.uri, "tests")
        afterwards.callback(client.close)
        await ensure_indexes(client[made.name], (*WATCH_INDEXES, *INBOX_INDEXES, *VERSION_INDEXES))
        yield Watched(client[made.name], servers.administration[made.name])


async def test_deadline_reads_only_what_is_due(watched: Watched) -> None:
    def watches() -> Iterator[Record]:
        for number in range(MANY):
            moment = NOW + timedelta(minutes=number - 100)
            waits = {"next_moment": moment} if number % 2 else {}
            yield {"_id": f"t-{number}", "sequence": 1, "due_since": None, "task": {}, "dealt_with": {}, **waits}

    store = WatchStore(watched.database)
    await watched.fill(WATCHES, watches())
    async with watched.bounded():
        due = await store.due(NOW, 40)
        assert len(due) == 40
        found = await store.find("t-15001")
        assert found is not None
        await store.push_back(found, NOW + timedelta(days=900))
        assert await store.due(NOW - timedelta(days=30), 40) == []


async def test_notification_reads_a_page_of_the_inbox_even_among_entries_of_one_moment(watched: Watched) -> None:
    def an_entry(number: int) -> InboxEntry:
        at = NOW - timedelta(seconds=max(number - 5_000, 0))
        told = {"vi": "Nhiệm vụ", "en": "Task"}
        read_at = NOW if number % 4 else None
        return InboxEntry(
            id=f"e-{number:05}", username="head" if number % 10 else "other", task_id=f"t-{number // 10}",
            kind="task.assigned", at=at, title=told, text=told, read_at=read_at,
        )  # fmt: skip

    inbox = Inbox(watched.database)
    await watched.fill("inbox", [an_entry(number).to_record() for number in range(MANY)])
    async with watched.bounded():
        for after in (None, (NOW, "e-02500"), (NOW - timedelta(hours=2), "e-12200")):
            page = await inbox.find(InboxQuery("head", after=after), 51)
            assert len(page) == 51
            assert page == sorted(page, key=lambda entry: (entry.at, entry.id), reverse=True)
        assert len(await inbox.find(InboxQuery("head", "t-7"), 51)) == 9
        assert len(await inbox.find(InboxQuery("head", "t-7", after=(NOW, "e-00075")), 51)) == 4
        assert await inbox.find(InboxQuery("nobody"), 51) == []
        assert await inbox.mark_read(["e-00004"], "head", NOW) == 1
        assert await inbox.get("e-00005", "head")
        assert await inbox.known_among(["e-00005", "e-x"]) == {"e-00005"}
    async with watched.bounded(extra=1_000):
        assert await inbox.count_unread("head") == 999


async def test_notification_reads_only_the_people_who_hold_a_post(watched: Watched) -> None:
    def people() -> Iterator[Record]:
        for number in range(MANY):
            role = Role.HEAD if number % 10 == 0 else Role.OFFICER
            post = {"role": role, "agency": f"agency-{number // 10}", "disabled": False}
            yield {"_id": f"person-{number}", "sequence": 1, "since": NOW, **post}

    await watched.fill("people", people())
    await watched.fill(
        "agencies", [{"_id": f"agency-{number}", "name": "Sở", "sequence": 1} for number in range(MANY // 10)]
    )
    directory = DirectoryCopy(watched.database)
    async with watched.bounded():
        posts = [Post(role=Role.HEAD, agency="agency-7"), Post(username="person-9")]
        assert len(await directory.holders(posts)) == 2
        assert len(await directory.names(["agency-5", "agency-6"])) == 2
        await directory.keep_agency("agency-5", "Sở Tài chính", 2)


async def test_reporting_reads_only_the_versions_of_the_task(watched: Watched) -> None:
    whole = [version_of(event) for event in a_task().events]
    rows = [
        {**asdict(one), "_id": f"t-{number}:{one.sequence}", "task": f"t-{number}", "until": NEWEST}
        for number in range(MANY // len(whole))
        for one in whole
    ]
    await watched.fill(VERSIONS, rows)
    await watched.fill("names", [{"_id": f"agency:a-{number}", "name": "Sở"} for number in range(MANY)])
    versions, names = Versions(watched.database), Names(watched.database)
    late = replace(whole[1], task="t-77", sequence=9)
    async with watched.bounded():
        await versions.insert_if_absent(late)
        await versions.insert_if_absent(replace(whole[0], task="t-78"))
        assert len(await versions.of_task("t-77")) == len(whole) + 1
        assert await names.of(Named.AGENCY, ["a-5", "a-x"]) == {"a-5": "Sở"}
        await names.keep_newest(Named.AGENCY, "a-5", "Sở Tài chính", 2)
