"""MongoDB: the client, its types, indexes, and what "away" means. Only stores and the outbox know the driver too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, IndexModel
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase

Record: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Record]"
Database: TypeAlias = "AsyncIOMotorDatabase[Record]"
Collection: TypeAlias = "AsyncIOMotorCollection[Record]"

# What a server says that is stopping, starting, full or not yet (or no longer) ours: nothing the record is to blame
# for. 13 and 18: the account is not let in; 91, 11600: shutting down; 189, 10107, 13435: no primary; 14031: disk full.
_AWAY_CODES: Final = frozenset({13, 18, 91, 189, 10107, 11600, 13435, 14031})


def connect(uri: str, app_name: str, *, selection_timeout: float = 3.0) -> Client:
    """Make a client whose writes are on the disks of a majority before they are acknowledged.

    Nothing is connected yet; a server that is away shows after `selection_timeout` seconds at the first operation.
    """
    return AsyncIOMotorClient(
        uri,
        appname=app_name,
        tz_aware=True,
        tzinfo=UTC,
        uuidRepresentation="standard",
        w="majority",
        journal=True,
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=round(selection_timeout * 1000),
        connectTimeoutMS=round(selection_timeout * 1000),
        socketTimeoutMS=30_000,
        # A server that is back is noticed within a second instead of ten.
        heartbeatFrequencyMS=1_000,
    )


def is_away(error: BaseException) -> bool:
    """Whether MongoDB could not be asked at all, so that the same operation may succeed later."""
    if isinstance(error, ConnectionFailure):
        return True
    return isinstance(error, OperationFailure) and (error.code in _AWAY_CODES or error.timeout)


async def is_up(client: Client) -> bool:
    """Whether MongoDB answers now."""
    try:
        await client.admin.command("ping")
    except PyMongoError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Index:
    """An index a store relies on; `partial` is its partial filter expression."""

    collection: str
    keys: Sequence[tuple[str, int]]
    unique: bool = False
    partial: Mapping[str, Any] | None = None
    name: str | None = None

    def model(self) -> IndexModel:
        options: Record = {"unique": True} if self.unique else {}
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        return IndexModel(list(self.keys), name=self.name or self._own_name(options), **options)

    def _own_name(self, options: Record) -> str:
        """Name an index by what it is: one with changed options is another one, made beside the old."""
        plain = "_".join(f"{field}_{direction}" for field, direction in self.keys)
        return f"{plain}__{sha256(repr(options).encode()).hexdigest()[:8]}" if options else plain


def ascending(*fields: str) -> tuple[tuple[str, int], ...]:
    """Return the keys of an index that ascends on every field."""
    return tuple((field, ASCENDING) for field in fields)


async def ensure_indexes(database: Database, indexes: Sequence[Index]) -> None:
    """Create what is missing; nothing is ever dropped, and what exists under another name is not missing.

    Raises:
        OperationFailure: an index that was given its name exists with other options.

    """
    models: defaultdict[str, list[IndexModel]] = defaultdict(list)
    for index in indexes:
        models[index.collection].append(index.model())
    for collection, wanted in models.items():
        existing = [_essence(record) async for record in database[collection].list_indexes()]
        missing = [model for model in wanted if _essence(model.document) not in existing]
        if missing:
            await database[collection].create_indexes(missing)


def _essence(index: Mapping[str, Any]) -> tuple[list[tuple[str, int]], bool, Record]:
    """Return what makes an index, whatever its name: MongoDB refuses a second one that is the same in this."""
    keys = [(field, int(direction)) for field, direction in index["key"].items()]
    return keys, bool(index.get("unique")), dict(index.get("partialFilterExpression") or {})
