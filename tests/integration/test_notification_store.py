"""The inbox and the copy of the directory, on a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.notification.handlers import Notifier, entry_id
from services.notification.known_tasks import INDEXES as TASK_INDEXES
from services.notification.known_tasks import KnownTasks
from services.notification.reads import InboxReader, Marked
from services.notification.rules.routing import Person, Post
from services.notification.store import INDEXES, DirectoryCopy, Inbox, InboxEntry, InboxQuery
from services.notification.truth import Truth
from shared.budget import Budget
from shared.events.envelope import Event
from shared.lane import Lane
from shared.messaging.retry import RetryLater
from shared.mongo import Database, connect, ensure_indexes
from shared.office.access import Principal
from shared.office.vocabulary import RequestState, Role, Stage
from tests.support.clock import FakeClock
from tests.support.notification_events import (
    AGENCIES,
    ASSIGNED_AT,
    CALENDAR,
    PEOPLE,
    account_told,
    agency_told,
    asked,
    moment_told,
    task_told,
    the_directory,
)
from tests.support.servers import Database as OwnDatabase

HEAD = "gd-tai-chinh"


@pytest.fixture
async def collections(database: OwnDatabase) -> AsyncIterator[Database]:
    client = connect(database.uri, "tests")
    await ensure_indexes(client[database.name], (*INDEXES, *TASK_INDEXES))
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
    assert await inbox.mark_read([entry_id(event.id, HEAD)], HEAD, ASSIGNED_AT) == 1
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


async def waiting_told(inbox: Inbox, username: str = HEAD) -> list[str]:
    """Return the titles of the entries that say how many tasks wait."""
    found = await inbox.find(InboxQuery(username, kind="tasks_waiting"), 100)
    return [entry.title["vi"] for entry in found]


async def assign(notifier: Notifier, *numbers: int, version: int = 1, stage: Stage = Stage.ASSIGNED) -> None:
    for number in numbers:
        await notifier.tell(task_told("assigned", id=f"t-{number}", version=version, stage=stage))


async def leave(notifier: Notifier, username: str = HEAD) -> None:
    await learn(notifier, account_told(username, sequence=2, disabled=True))


async def test_a_head_or_clerk_who_comes_back_is_told_of_the_tasks_that_wait_then(
    informed: Notifier, inbox: Inbox
) -> None:
    assert await waiting_told(inbox) == []
    for username in (HEAD, "vt-tai-chinh"):
        await leave(informed, username)
    await assign(informed, 1, 2, 3)
    await assign(informed, 3, version=2, stage=Stage.RECEIVED)
    for username in (HEAD, "vt-tai-chinh"):
        await learn(informed, account_told(username, sequence=3))
        assert await waiting_told(inbox, username) == ["Có 02 nhiệm vụ đang chờ tiếp nhận"]
    assert await kinds(inbox, HEAD) == ["tasks_waiting"]


async def test_a_head_who_was_there_before_is_told_of_the_tasks_themselves(informed: Notifier, inbox: Inbox) -> None:
    await assign(informed, 1, 2)
    await learn(informed, account_told(HEAD))
    await learn(informed, account_told(HEAD, sequence=2, display_name="Tên mới"))
    assert await kinds(inbox, HEAD) == ["task.assigned", "task.assigned"]


async def test_an_appearance_that_comes_again_or_late_is_told_once(informed: Notifier, inbox: Inbox) -> None:
    await leave(informed)
    await assign(informed, 1)
    came_back = account_told(HEAD, sequence=3)
    await asyncio.gather(*[learn(informed, came_back) for _ in range(4)])
    await assign(informed, 2)
    await leave(informed)
    await learn(informed, came_back)
    assert await waiting_told(inbox) == ["Có 01 nhiệm vụ đang chờ tiếp nhận"]
    assert await kinds(inbox, HEAD) == ["task.assigned", "tasks_waiting"]


async def test_an_appearance_without_waiting_tasks_is_not_told_when_its_event_comes_again_later(
    informed: Notifier, inbox: Inbox
) -> None:
    await leave(informed)
    came_back = account_told(HEAD, sequence=3)
    await learn(informed, came_back)
    await assign(informed, 1)
    await learn(informed, came_back)
    assert await kinds(inbox, HEAD) == ["task.assigned"]


async def test_an_appearance_that_was_not_dealt_with_is_told_when_its_event_comes_again(
    informed: Notifier, inbox: Inbox, collections: Database
) -> None:
    """The process was killed after it had kept the account, and another state of the account came before the repeat."""
    await leave(informed)
    await assign(informed, 1)
    directory, head = DirectoryCopy(collections), Person(HEAD, Role.HEAD, "so-tai-chinh")
    await directory.keep_person(head, 3, ASSIGNED_AT)
    await learn(informed, account_told(HEAD, sequence=4, display_name="Tên mới"))
    await learn(informed, account_told(HEAD, sequence=3))
    assert await waiting_told(inbox) == ["Có 01 nhiệm vụ đang chờ tiếp nhận"]


async def test_nobody_else_who_appears_is_told_what_waits(notifier: Notifier, inbox: Inbox) -> None:
    await informed_of(notifier, [event for event in the_directory() if event.subject not in {HEAD, "gd-y-te"}])
    await assign(notifier, 1)
    await learn(notifier, account_told("cv-moi", role=Role.OFFICER, agency="so-tai-chinh"))
    await learn(notifier, account_told("pm-moi", role=Role.SERVICE, agency="so-tai-chinh"))
    await learn(notifier, account_told("gd-y-te"))
    await learn(notifier, account_told(HEAD, disabled=True))
    for username in ("cv-moi", "pm-moi", "gd-y-te", HEAD):
        assert await waiting_told(inbox, username) == []


async def informed_of(notifier: Notifier, events: Sequence[Event[Any]]) -> None:
    for event in events:
        await learn(notifier, event)


async def test_a_coordinator_who_no_longer_sees_the_task_is_told_nothing_and_nobody_left_means_all(
    informed: Notifier, inbox: Inbox
) -> None:
    """A coordinator who entered a task becomes an officer elsewhere, and the leader leaves."""
    await learn(informed, account_told("dieu-phoi", sequence=2, role=Role.OFFICER, agency="so-noi-vu"))
    await learn(informed, account_told("dieu-phoi-khac", role=Role.COORDINATOR, agency="van-phong"))
    asked_for = task_told("extension_requested", HEAD, extension=asked(RequestState.PENDING))
    await informed.tell(asked_for)
    assert await kinds(inbox, "dieu-phoi") == []
    assert await kinds(inbox, "chu-tich") == ["task.extension_requested"]
    assert await kinds(inbox, "dieu-phoi-khac") == []
    await learn(informed, account_told("chu-tich", sequence=2, disabled=True))
    await informed.tell(task_told("reported", HEAD, version=2))
    assert await kinds(inbox, "dieu-phoi") == []
    [entry] = await inbox.find(InboxQuery("dieu-phoi-khac"), 10)
    assert entry.kind == "task.reported"
    assert "Đề nghị tham mưu Lãnh đạo xem xét" in entry.text["vi"]


async def test_a_first_head_who_comes_after_the_miss_finds_its_task_waiting(notifier: Notifier, inbox: Inbox) -> None:
    await informed_of(notifier, [event for event in the_directory() if event.subject != HEAD])
    missed = task_told("explanation_required", "system", version=2, stage=Stage.ASSIGNED)
    await notifier.tell(missed)
    assert await kinds(inbox, "chanh-thanh-tra") == ["task.explanation_required"]
    await learn(notifier, account_told(HEAD))
    assert await kinds(inbox, HEAD) == ["tasks_waiting"]


async def test_an_entry_of_an_earlier_version_has_a_link(inbox: Inbox, collections: Database) -> None:
    await inbox.insert_if_absent([an_entry(1), an_entry(2, has_link=False)])
    assert ["has_link" in one for one in await collections["inbox"].find().sort("_id").to_list()].count(True) == 1
    assert {entry.has_link for entry in await inbox.find(InboxQuery(HEAD), 10)} == {True, False}


async def test_a_marking_for_which_the_time_does_not_suffice_says_so_and_goes_on_the_next_time(inbox: Inbox) -> None:
    await inbox.insert_if_absent([an_entry(number) for number in range(600)])
    await inbox.insert_if_absent([an_entry(number) for number in range(600, 1_001)])
    reader = InboxReader(inbox, FakeClock(ASSIGNED_AT), Lane("tests"))
    caller = Principal(HEAD, Role.HEAD, "so-tai-chinh")
    everything = ASSIGNED_AT + timedelta(days=30)
    async with Budget(4):
        assert await reader.mark_until(caller, everything) == Marked(1, complete=False)
    async with Budget(4):
        assert await reader.mark_until(caller, everything) == Marked(0, complete=True)
    assert await reader.mark_until(caller, everything) == Marked(0, complete=True)


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
    await learn(informed, account_told("vt-moi", role=Role.CLERK, agency="so-tai-chinh"))
    for query in (InboxQuery(HEAD), InboxQuery(HEAD, "t-1"), InboxQuery(HEAD, "t-1", after=(ASSIGNED_AT, "z"))):
        [entry] = await inbox.find(query, 10)
    assert await inbox.count_unread(HEAD) == 1
    await inbox.mark_read([entry.id], HEAD, ASSIGNED_AT)
    await inbox.get(entry.id, HEAD)
    await profiled.command("profile", 0)
    recorded = [
        one async for one in profiled["system.profile"].find({"ns": {"$ne": f"{database.name}.system.profile"}})
    ]
    looked_up = [one for one in recorded if "planSummary" in one]
    assert {one["ns"].rpartition(".")[2] for one in looked_up} == {"inbox", "people", "agencies", "tasks"}
    assert [one for one in looked_up if "COLLSCAN" in one["planSummary"] or one.get("hasSortStage")] == []
    counted = [one for one in looked_up if one["op"] == "command" and "aggregate" in one["command"]]
    assert [one["docsExamined"] for one in counted] == [0, 0]
    client.close()
