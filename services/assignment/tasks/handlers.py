"""What can be done with tasks: load, decide, save."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar
from uuid import UUID, uuid5
from weakref import WeakValueDictionary

import orjson
import structlog
from uuid_utils.compat import uuid7

from services.assignment.tasks.rules import task as aggregate
from services.assignment.tasks.rules.assigning import Assign, assigned
from services.assignment.tasks.rules.batch import Batch, Items, decide_batch, spelled
from services.assignment.tasks.rules.context import Command, Context, KnownAccount, Situation
from services.assignment.tasks.rules.limits import require_few_bytes
from services.assignment.tasks.rules.state import Task
from services.assignment.tasks.rules.work import is_officer_of
from services.assignment.tasks.store import AlreadyReplacedError, LoadedTask, RequestKey, bytes_written
from shared.budget import bring_to_end
from shared.messaging.retry import RetryLater
from shared.office.access import Permission, Principal, may, may_see, require_permission
from shared.office.codes import Codes
from shared.office.refusal import Code, Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from services.assignment.tasks.store import BatchStore, Filters, TaskStore
    from shared.clock import Clock
    from shared.office.policy import Policy
    from shared.office.vocabulary import AgencyKind
    from shared.office.workdays import WorkCalendar

MOST_TRIES: Final = 32
"""How often an act is decided anew when others write the same task at the same moment."""

Result = TypeVar("Result")
_NAMESPACE: Final = UUID("8f6b1c0e-52a5-5f0e-9d7c-3b1a64d0f7a2")
_TASKS_ROUTE: Final = "/v1/tasks"
_BATCHES_ROUTE: Final = "/v1/task-batches"


class FoundAccount(KnownAccount, Protocol):
    """An account as the directory has it."""

    @property
    def disabled(self) -> bool: ...


class DirectoryLookup(Protocol):
    """What tasks need to know of agencies and accounts."""

    async def agencies_of_kind(self, kind: AgencyKind) -> tuple[str, ...]: ...
    async def codes(self, codes: Iterable[str]) -> Codes: ...
    async def accounts(self, usernames: Iterable[str]) -> Mapping[str, FoundAccount]: ...
    async def usable_accounts(self, usernames: Iterable[str]) -> Mapping[str, KnownAccount]: ...


@dataclass(frozen=True, slots=True)
class Office:
    """What the office counts by."""

    clock: Clock
    calendar: WorkCalendar
    policy: Policy

    def situation(self) -> Situation:
        return Situation(now=self.clock.now(), calendar=self.calendar, policy=self.policy)


class _Named(NamedTuple):
    """What commands name, to be looked up before a rule decides."""

    agencies: Collection[str]
    accounts: Collection[str]


class TaskHandlers:
    def __init__(self, store: TaskStore, batches: BatchStore, directory: DirectoryLookup, office: Office) -> None:
        self._store = store
        self._batches = batches
        self._directory = directory
        self._office = office
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def assign(self, caller: Principal, command: Assign, request_key: RequestKey | None) -> tuple[Task, bool]:
        """Assign a task; return whether it is new, or was assigned before under the same key."""
        require_permission(caller, Permission.ASSIGN)
        task_id = _id_for(caller, _TASKS_ROUTE, request_key)
        structlog.contextvars.bind_contextvars(act="assignment", task_id=task_id)
        if request_key and (known := await self._store.load(task_id, request_key.key, caller.username)):
            return _repeated(known, request_key), False
        replaced = await self._replaced(command.replaces, task_id)
        codes, context = await self._context(caller, _named_by([command]))
        entry = aggregate.begin(command.spelled(codes), replaced, context)
        task = assigned(task_id, entry)
        try:
            inserted = await self._store.insert_if_absent(task, entry, request_key)
        except AlreadyReplacedError as error:
            raise Refusal(Code.ALREADY_EXISTS) from error
        if inserted:
            return task, True
        return await self.assign(caller, command, request_key)

    async def assign_batch(self, caller: Principal, items: Items, request_key: RequestKey | None) -> tuple[Batch, bool]:
        """Assign all tasks of a batch or, with a refusal, none; return whether the batch is new."""
        require_permission(caller, Permission.ASSIGN)
        batch_id = _id_for(caller, _BATCHES_ROUTE, request_key)
        if request_key and (known := await self._known_batch(batch_id, request_key)):
            return known, False
        codes, context = await self._context(caller, await asyncio.to_thread(_named_in_batch, items))
        batch = await asyncio.to_thread(_decide_bounded, batch_id, items, codes, context)
        if not await self._batches.insert_if_absent(batch, request_key.fingerprint if request_key else None):
            return await self.assign_batch(caller, items, request_key)
        # The batch is committed: to answer 503 now would be wrong, however long its tasks take.
        with bring_to_end():
            await self._batches.finish(batch)
        return batch, True

    async def perform(
        self,
        caller: Principal,
        task_id: str,
        act: str,
        command: Command,
        if_match: Collection[int] | None,
        request_key: RequestKey | None,
    ) -> Task:
        """Perform an act on a task.

        If another act changes the task first, this one is decided anew; with `if_match` it is refused instead.

        Raises:
            Refusal: not-found, not-permitted, version-conflict or what a rule says; nothing was changed then.

        """
        # Every line that is logged for the rest of the request names the act and the task.
        structlog.contextvars.bind_contextvars(act=act, task_id=task_id)

        async def attempt() -> Task | None:
            found = await self._visible(caller, task_id, request_key)
            require_permission(caller, Permission.ACT_ON_TASKS)
            aggregate.require_party(found.task, act, caller)
            if found.fingerprint is not None:
                return _repeated(found, request_key)
            if if_match is not None and found.task.version not in if_match:
                raise Refusal(Code.VERSION_CONFLICT)
            codes, context = await self._context(caller, _named_by([command]))
            entries = aggregate.decide(found.task, act, command.spelled(codes), context)
            return await self._store.append(found.task, entries, request_key)

        return await self._until_written(task_id, attempt)

    async def read(self, caller: Principal, task_id: str) -> Task:
        """Return a task within the caller's sight."""
        found = await self._visible(caller, task_id, None)
        require_permission(caller, Permission.READ_TASKS)
        return found.task

    async def read_batch(self, caller: Principal, batch_id: str) -> Batch:
        """Return a batch to those who may assign tasks."""
        stored = await self._batches.load(batch_id) if may(caller, Permission.ASSIGN) else None
        if stored is None:
            raise Refusal(Code.NOT_FOUND)
        return stored.batch

    async def record_miss(self, task_id: str, due_at: datetime) -> None:
        """Record what time has brought, if the task still has this due moment.

        Raises:
            RetryLater: by our own clock the moment has not passed yet.

        """

        async def attempt() -> bool | None:
            found = await self._store.load(task_id)
            if found is None or found.task.due_at != due_at:
                return False
            at = self._office.situation()
            if at.now <= due_at:
                raise RetryLater
            entries = aggregate.settle(found.task, at)
            written = await self._store.append(found.task, entries) if entries else None
            return None if entries and written is None else bool(entries)

        await self._until_written(task_id, attempt)

    async def take_back(self, task_id: str, officer: str) -> bool:
        """Take an open task back from an officer who is no officer of its lead agency; tell whether it was taken."""

        async def attempt() -> bool | None:
            found = await self._store.load(task_id)
            if found is None or await self._is_officer(officer, found.task.lead_agency):
                return False
            entries = aggregate.take_back(found.task, officer, self._office.situation())
            if not entries:
                return False
            return True if await self._store.append(found.task, entries) else None

        return await self._until_written(task_id, attempt)

    async def _is_officer(self, username: str, agency: str) -> bool:
        return is_officer_of(agency, (await self._directory.usable_accounts([username])).get(username))

    def allowed_acts(self, caller: Principal, task: Task) -> list[str]:
        """Return the acts that the caller may perform on a task now."""
        if not may(caller, Permission.ACT_ON_TASKS):
            return []
        at = self._office.situation()
        return aggregate.allowed_acts(task, Context(now=at.now, calendar=at.calendar, policy=at.policy, caller=caller))

    async def _until_written(self, task_id: str, attempt: Callable[[], Awaitable[Result | None]]) -> Result:
        """Repeat an attempt while it returns None, which means that another write changed the task first.

        A lock for each task lets the acts of this process pass one by one, so that they do not overtake one another.
        """
        lock = self._locks.setdefault(task_id, asyncio.Lock())
        async with lock:
            for _ in range(MOST_TRIES):
                result = await attempt()
                if result is not None:
                    return result
        raise Refusal(Code.UNAVAILABLE)

    async def _visible(self, caller: Principal, task_id: str, request_key: RequestKey | None) -> LoadedTask:
        found = await self._store.load(task_id, request_key.key if request_key else None, caller.username)
        if found is None or not may_see(caller, found.task):
            raise Refusal(Code.NOT_FOUND)
        return found

    async def _replaced(self, task_id: str | None, by: str) -> Task | None:
        """Return the task to be replaced; the same request, sent twice at once, does not block itself."""
        if task_id is None:
            return None
        found = await self._store.load(task_id)
        if found and await self._store.replaced_by(task_id) not in {None, by}:
            raise Refusal(Code.ALREADY_EXISTS)
        return found.task if found else None

    async def _known_batch(self, batch_id: str, request_key: RequestKey) -> Batch | None:
        stored = await self._batches.load(batch_id)
        if stored is None:
            return None
        if stored.fingerprint != request_key.fingerprint:
            raise Refusal(Code.IDEMPOTENCY_MISMATCH)
        if stored.is_open:
            await self._batches.finish(stored.batch)
        return stored.batch

    async def spelled(self, filters: Filters) -> Filters:
        """Return the filters with the codes of agencies as they were first written."""
        lead, coordinating = filters.lead_agency, filters.coordinating_agency
        named = [code for code in (lead, coordinating) if code is not None]
        codes = await self._directory.codes(named) if named else Codes()
        return replace(
            filters,
            lead_agency=codes.written(lead) if lead else None,
            coordinating_agency=codes.written(coordinating) if coordinating else None,
        )

    async def _context(self, caller: Principal, named: _Named) -> tuple[Codes, Context]:
        """Return the agencies that are named, in whatever case, and what the rules look at."""
        at = self._office.situation()
        codes = await self._directory.codes(named.agencies) if named.agencies else Codes()
        accounts = await self._directory.accounts(named.accounts) if named.accounts else {}
        return codes, Context(
            now=at.now,
            calendar=at.calendar,
            policy=at.policy,
            caller=caller,
            agencies=codes.known(),
            accounts={name: account for name, account in accounts.items() if not account.disabled},
            disabled=frozenset(name for name, account in accounts.items() if account.disabled),
        )


def _named_by(commands: Collection[Command], agencies: Iterable[str] = ()) -> _Named:
    return _Named(
        {*agencies, *(code for command in commands for code in command.named_agencies())},
        {name for command in commands for name in command.named_accounts()},
    )


def _named_in_batch(items: Items) -> _Named:
    """Collect what the items name; in a thread, because they may name a million agencies."""
    return _named_by([command for command, _ in items], (code for _, leads in items for code in leads))


def _decide_bounded(batch_id: str, items: Items, codes: Codes, context: Context) -> Batch:
    """Decide on a batch, and refuse one that would write too much."""
    batch = decide_batch(batch_id, spelled(items, codes), context)
    require_few_bytes(bytes_written(batch))
    return batch


def _repeated(found: LoadedTask, request_key: RequestKey | None) -> Task:
    """Answer a retry with the task as it is now, unless its body differs from the first one."""
    if request_key is None or found.fingerprint != request_key.fingerprint:
        raise Refusal(Code.IDEMPOTENCY_MISMATCH)
    return found.task


def _id_for(caller: Principal, route: str, request_key: RequestKey | None) -> str:
    """Return an id made from account, route and key, so that a retry finds what it made; without a key, a new id."""
    if request_key is None:
        return str(uuid7())
    name = orjson.dumps([caller.username, route, request_key.key]).decode()
    return str(uuid5(_NAMESPACE, name))
