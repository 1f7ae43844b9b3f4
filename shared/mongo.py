"""MongoDB: the client, its types, the indexes, and what "away" means.

Only this module, the stores and `shared/batched_writes.py` import the driver.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pymongo
from pymongo import ASCENDING, IndexModel, WriteConcern
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from shared.breaker import UnavailableError
from shared.driver_threads import client_class

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase

Record: TypeAlias = dict[str, Any]
"""What MongoDB calls a document. In this code a document is a paper of the office (văn bản)."""

Client: TypeAlias = "AsyncIOMotorClient[Record]"
Database: TypeAlias = "AsyncIOMotorDatabase[Record]"
Collection: TypeAlias = "AsyncIOMotorCollection[Record]"

# The server answered with one of these codes: the cause is the server's state, not the operation.
# 13, 18: the account is not let in. 91, 11600: the server is shutting down. 189, 10107, 13435: it is no primary.
# 14031: its disk is full.
_AWAY_CODES: Final = frozenset({13, 18, 91, 189, 10107, 11600, 13435, 14031})
_NO_SUCH_INDEX: Final = 2

OPERATION_SECONDS: Final = 5.0
"""How long one operation may take, on the server too; half of what a request may take (`HTTP_BUDGET_SECONDS`)."""
LISTS_AT_ONCE: Final = 8
"""How many threads read lists; who asks for one meanwhile waits in a lane (`shared/lane.py`)."""
_THREADS: Final = 24
_SELECTION_SECONDS: Final = 3.0


def connect(uri: str, app_name: str, *, timeout: float = OPERATION_SECONDS) -> Client:
    """Return a client whose writes are acknowledged when a majority of the servers has them on disk.

    The client connects at its first operation. An operation that takes longer than `timeout` seconds fails, and the
    server ends it too. Until then the driver goes on looking for a server that answers.
    """
    return _client(client_class("work", _THREADS), uri, app_name, timeout)


def connect_for_lists(uri: str, app_name: str, *, timeout: float) -> Client:
    """Return a client for lists, as `connect` does: it has connections and threads of its own."""
    return _client(client_class("lists", LISTS_AT_ONCE), uri, f"{app_name}.lists", timeout)


def _client(kind: type[Client], uri: str, app_name: str, timeout: float) -> Client:
    return kind(
        uri,
        appname=app_name,
        tz_aware=True,
        tzinfo=UTC,
        uuidRepresentation="standard",
        w="majority",
        journal=True,
        retryWrites=True,
        retryReads=True,
        timeoutMS=round(timeout * 1000),
        serverSelectionTimeoutMS=round(min(_SELECTION_SECONDS, timeout) * 1000),
        connectTimeoutMS=round(min(_SELECTION_SECONDS, timeout) * 1000),
        # The driver notices within one second, not ten, that a server is back.
        heartbeatFrequencyMS=1_000,
    )


def seconds_of(collection: Collection) -> float:
    """Return how long one operation on a collection may take."""
    seconds: float | None = collection.database.client.delegate.options.timeout
    return seconds or 0.0


def without_timeout() -> AbstractContextManager[None]:
    """Let the operations of a block take as long as they need, such as the building of an index."""
    return pymongo.timeout(0)


def is_away(error: BaseException) -> bool:
    """Return whether MongoDB could not be asked, or not in time, so that the same operation may succeed later."""
    if isinstance(error, ConnectionFailure | UnavailableError):
        return True
    return isinstance(error, PyMongoError) and (getattr(error, "code", None) in _AWAY_CODES or error.timeout)


def is_slow(error: BaseException) -> bool:
    """Whether MongoDB was reached, and the operation took too long."""
    selecting = isinstance(error, ServerSelectionTimeoutError)
    return isinstance(error, PyMongoError) and error.timeout and not selecting


async def takes_writes(database: Database) -> bool:
    """Return whether MongoDB takes writes now: it may answer, and yet be locked for writes, or full.

    Each call writes one small record, always the same, into the collection `health`.
    """
    health = database.get_collection("health", write_concern=WriteConcern(w=1))
    try:
        await health.update_one({"_id": "ready"}, {"$inc": {"writes": 1}}, upsert=True)
    except PyMongoError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a store needs; `partial` is its partial filter expression.

    With `expire_after`, MongoDB removes a record this many seconds after the moment in the indexed field.
    """

    collection: str
    keys: Sequence[tuple[str, int]]
    unique: bool = False
    partial: Mapping[str, Any] | None = None
    expire_after: int | None = None
    name: str | None = None

    def model(self) -> IndexModel:
        return IndexModel(list(self.keys), name=self.full_name, **self._options)

    @property
    def full_name(self) -> str:
        """The given name, or one made of the keys and the options: an index with other options has another name."""
        plain = "_".join(f"{field}_{direction}" for field, direction in self.keys)
        marked = f"{plain}__{sha256(repr(self._options).encode()).hexdigest()[:8]}" if self._options else plain
        return self.name or marked

    @property
    def _options(self) -> Record:
        options: Record = {"unique": True} if self.unique else {}
        if self.expire_after is not None:
            options["expireAfterSeconds"] = self.expire_after
        return options if self.partial is None else {**options, "partialFilterExpression": dict(self.partial)}


def ascending(*fields: str) -> tuple[tuple[str, int], ...]:
    """Return the keys of an index that is ascending in every field."""
    return tuple((field, ASCENDING) for field in fields)


async def find_by_index(
    collection: Collection,
    wanted: Record,
    index: str,
    order: Sequence[tuple[str, int]],
    limit: int,
    projection: Mapping[str, Any] | None = None,
) -> list[Record]:
    """Return up to `limit` records in an order, read by the index of this name.

    While the index is missing, as it is after an upgrade until it has been made, MongoDB chooses another.
    """
    found = collection.find(wanted, projection).sort(list(order)).limit(limit)
    try:
        return await found.clone().hint(index).to_list(limit)
    except OperationFailure as error:
        if error.code != _NO_SUCH_INDEX:
            raise
        return await found.to_list(limit)


async def count_by_index(collection: Collection, wanted: Record, index: str, limit: int) -> int:
    """Return how many records there are, counted no further than `limit`, by the index as `find_by_index` does."""
    try:
        return await collection.count_documents(wanted, limit=limit, hint=index)
    except OperationFailure as error:
        if error.code != _NO_SUCH_INDEX:
            raise
        return await collection.count_documents(wanted, limit=limit)


async def ensure_indexes(database: Database, indexes: Sequence[Index]) -> None:
    """Create the indexes that are missing; an index that exists under another name is not missing.

    No index is ever dropped.

    Raises:
        OperationFailure: an index with the given name exists, and its options are different.

    """
    models: defaultdict[str, list[IndexModel]] = defaultdict(list)
    for index in indexes:
        models[index.collection].append(index.model())
    for collection, wanted in models.items():
        existing = [_essence(record) async for record in database[collection].list_indexes()]
        missing = [model for model in wanted if _essence(model.document) not in existing]
        if missing:
            with without_timeout():
                await database[collection].create_indexes(missing)


def _essence(index: Mapping[str, Any]) -> tuple[list[tuple[str, int]], bool, Record]:
    """Return what identifies an index besides its name: MongoDB refuses a second index that is equal in this."""
    keys = [(field, int(direction)) for field, direction in index["key"].items()]
    return keys, bool(index.get("unique")), dict(index.get("partialFilterExpression") or {})
