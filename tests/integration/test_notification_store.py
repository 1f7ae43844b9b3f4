"""The inbox and the copy of the directory, on a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.notification.handlers import Notifier, entry_id
from services.notification.known_tasks import KnownTasks
from services.notification.rules.routing import Person, Post
from services.notification.store import INDEXES, DirectoryCopy, Inbox, InboxEntry, InboxQuery
from services.notification.truth import Truth
from shared.events.envelope import Event
from shared.messaging.retry import RetryLater
from shared.mongo import Database, connect, ensure_indexes
from shared.office.vocabulary import Role
from tests.support.clock import FakeClock
from tests.support.notification_events import (
    AGENCIES,
    ASSIGNED_AT,
    CALENDAR,
    PEOPLE,
    account_told,
    agency_told,
    moment_told,
    task_told,
    the_directory,
)
from tests.support.servers import Database as OwnDatabase

HEAD = "gd-tai-chinh"


@pytest.fixture
async def collections(database: OwnDatabase) -> AsyncIterator[Database]:
    client = connect(database.uri, "tests")
    await ensure_indexes(client[database.name], INDEXES)
    yield client[database.name]
    client.close()


@pytest.fixture
def inbox(collections: Database) -> Inbox:
    return Inbox(collections)


@pytest.fixture
async def notifier(collections: Database, inbox: Inbox) -> Notifier:
    """A notifier that knows no agency and nobody yet."""
    truth = Truth(KnownTasks(collections))
    return Notifier(DirectoryCopy(collections), inbox, CALENDAR, truth, FakeClock(ASSIGNED_AT))


@pytest.fixture
async def informed(notifier: Notifier) -> Notifier:
    """A notifier that knows the whole directory."""
    for event in the_directory():
        await learn(notifier, event)
    return notifier


async def learn(notifier: Notifier, event: Event[Any]) -> None:
    await (notifier.learn_agency if event.type.startswith("agency.") else notifier.learn_person)(event)


async def kinds(inbox: Inbox, username: str) -> list[str]:
    return [entry.kind for entry in await inbox.find(InboxQuery(username), 100)]


def an_entry(number: int, username: str = HEAD, **changes: Any) -> InboxEntry:
    plain: dict[str, Any] = {
        "id": entry_id(f"e-{number}", username),
        "username": username,
        "task_id": f"t-{number % 2}",
        "kind": "task.assigned",
        "at": ASSIGNED_AT + timedelta(minutes=number // 2),
        "title": {"vi": "Nhiệm vụ", "en": "Task"},
        "text": {"vi": "Nhiệm vụ.", "en": "Task."},
    }
    return InboxEntry(**(plain | changes))


async def test_everyone_concerned_and_nobody_else_has_an_entry(informed: Notifier, inbox: Inbox) -> None:
    await informed.tell(task_told("assigned"))
    told = {username for username in PEOPLE if await kinds(inbox, username)}
    assert told == {HEAD, "vt-tai-chinh", "gd-xay-dung", "gd-noi-vu", "chanh-thanh-tra"}


async def test_an_event_redelivered_even_at_once_is_told_once(informed: Notifier, inbox: Inbox) -> None:
    event = task_told("assigned")
    await asyncio.gather(*[informed.tell(event) for _ in range(8)])
    await informed.tell(event)
    assert await kinds(inbox, HEAD) == ["task.assigned"]


async def test_a_redelivery_leaves_a_read_entry_read(informed: Notifier, inbox: Inbox) -> None:
    event = task_told("assigned")
    await informed.tell(event)
    assert await inbox.mark_read(entry_id(event.id, HEAD), HEAD, ASSIGNED_AT)
    await informed.tell(event)
    [entry] = await inbox.find(InboxQuery(HEAD), 10)
    assert entry.read_at == ASSIGNED_AT
    assert await inbox.count_unread(HEAD) == 0


async def test_an_event_of_an_agency_not_known_yet_is_retried_and_then_told(notifier: Notifier, inbox: Inbox) -> None:
    for event in the_directory():
        if event.subject != "so-noi-vu":
            await learn(notifier, event)
    with pytest.raises(RetryLater, match="so-noi-vu"):
        await notifier.tell(task_told("assigned"))
    assert await kinds(inbox, HEAD) == []
    await learn(notifier, agency_told("so-noi-vu"))
    await notifier.tell(task_told("assigned"))
    assert await kinds(inbox, HEAD) == ["task.assigned"]


async def test_an_event_that_names_an_account_not_known_yet_is_retried(notifier: Notifier) -> None:
    for code in AGENCIES:
        await learn(notifier, agency_told(code))
    with pytest.raises(RetryLater, match="chu-tich"):
        await notifier.tell(task_told("reported", HEAD))


@pytest.mark.parametrize("event", [task_told("progressed"), task_told("contributed"), moment_told("missed")])
async def test_what_nobody_is_told_of_is_done_with_even_when_nobody_is_known(
    notifier: Notifier, event: Event[Any], collections: Database
) -> None:
    await notifier.tell(event)
    assert await collections["inbox"].count_documents({}) == 0


async def test_a_disabled_account_and_a_program_are_told_nothing(informed: Notifier, inbox: Inbox) -> None:
    await learn(informed, account_told(HEAD, sequence=2, disabled=True))
    await informed.tell(task_told("corrected"))
    assert await kinds(inbox, HEAD) == []
    assert await kinds(inbox, "pm-tai-chinh") == []
    assert await kinds(inbox, "vt-tai-chinh") == ["task.corrected"]


async def test_the_latest_state_of_the_directory_wins_in_any_order(collections: Database) -> None:
    directory = DirectoryCopy(collections)
    states = [1, 4, 2, 3, 4, 1]
    await asyncio.gather(
        *[directory.keep_agency("so-y-te", f"Sở Y tế {sequence}", sequence) for sequence in states],
        *[
            directory.keep_person(Person("an", Role.HEAD, f"so-{sequence}"), sequence, ASSIGNED_AT)
            for sequence in states
        ],
    )
    assert await directory.names(["so-y-te", "so-khac"]) == {"so-y-te": "Sở Y tế 4"}
    assert await directory.holders([Post(username="an")]) == [Person("an", Role.HEAD, "so-4")]


async def test_a_person_holds_what_they_hold_since_it_last_changed(collections: Database) -> None:
    directory, later = DirectoryCopy(collections), ASSIGNED_AT + timedelta(days=1)
    head, elsewhere = Person("an", Role.HEAD, "so-1"), Person("an", Role.HEAD, "so-2")

    async def since() -> datetime:
        (known,) = await directory.people()
        moment: datetime = known["since"]
        return moment

    await directory.keep_person(head, 1, ASSIGNED_AT)
    await directory.keep_person(head, 2, later)
    assert await since() == ASSIGNED_AT
    await directory.keep_person(elsewhere, 3, later)
    assert await since() == later
    await directory.keep_person(head, 2, ASSIGNED_AT)
    assert await since() == later


async def test_pages_are_newest_first_and_lose_and_repeat_nothing(inbox: Inbox) -> None:
    entries = [an_entry(number) for number in range(20)]
    await inbox.insert_if_absent([*entries, an_entry(1, "nguoi-khac")])
    seen: list[InboxEntry] = []
    while page := await inbox.find(
        InboxQuery(HEAD, after=(seen[-1].at, seen[-1].id) if seen else None),
        3,
    ):
        seen += page
    assert seen == sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)


async def test_only_what_was_absent_is_counted_as_inserted(inbox: Inbox) -> None:
    first = an_entry(1)
    assert await inbox.insert_if_absent([first]) == 1
    assert await inbox.insert_if_absent([replace(first, kind="task.recalled"), an_entry(2)]) == 1
    assert await inbox.insert_if_absent([]) == 0
    assert await kinds(inbox, HEAD) == ["task.assigned", "task.assigned"]


async def test_no_look_up_scans_or_sorts(
    servers: Servers, database: OwnDatabase, informed: Notifier, inbox: Inbox
) -> None:
    """What the server itself recorded of every operation, while all of them are done."""
    client = connect(servers.mongodb_uri, "tests")
    profiled = client[database.name]
    await profiled.command("profile", 2)
    await informed.tell(task_told("assigned"))
    await informed.tell(task_told("reported", HEAD))
    await informed.tell(moment_told("receipt_overdue", version=0))
    await learn(informed, account_told(HEAD, sequence=2))
    for query in (InboxQuery(HEAD), InboxQuery(HEAD, "t-1"), InboxQuery(HEAD, "t-1", (ASSIGNED_AT, "z"))):
        [entry] = await inbox.find(query, 10)
    assert await inbox.count_unread(HEAD) == 1
    await inbox.mark_read(entry.id, HEAD, ASSIGNED_AT)
    await inbox.get(entry.id, HEAD)
    await profiled.command("profile", 0)
    recorded = [
        one async for one in profiled["system.profile"].find({"ns": {"$ne": f"{database.name}.system.profile"}})
    ]
    looked_up = [one for one in recorded if "planSummary" in one]
    assert {one["ns"].rpartition(".")[2] for one in looked_up} == {"inbox", "people", "agencies", "tasks"}
    assert [one for one in looked_up if "COLLSCAN" in one["planSummary"] or one.get("hasSortStage")] == []
    counted = [one for one in looked_up if one["op"] == "command" and "aggregate" in one["command"]]
    assert [one["docsExamined"] for one in counted] == [0]
    client.close()
