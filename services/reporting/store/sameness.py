"""Fills what tells equal documents and fields in versions that an earlier reporting wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from pymongo import UpdateOne

from services.reporting.rules.versions import same_of
from services.reporting.store.versions import VERSIONS
from shared.mongo import Index, ascending

if TYPE_CHECKING:
    from shared.mongo import Database, Record

_LACKING: Final[Record] = {"same": None}
INDEXES: Final = (Index(VERSIONS, ascending("same"), partial=_LACKING, name="without_same"),)
"""Holds only what is still to be filled, so it is empty after the first start and costs nothing."""
_AT_ONCE: Final = 1_000
_log = structlog.get_logger(__name__)


async def fill_same(database: Database) -> None:
    """Fill every version that lacks it. Stopped, it goes on at the next start.

    Versions never change otherwise, so nobody else writes what is written here.
    """
    versions, filled = database[VERSIONS], 0
    while found := await versions.find(_LACKING, {"document": 1, "field": 1}).limit(_AT_ONCE).to_list(None):
        await versions.bulk_write([_filling(record) for record in found], ordered=False)
        filled += len(found)
    if filled:
        _log.info("same_filled", versions=filled)


def _filling(record: Record) -> UpdateOne:
    return UpdateOne({"_id": record["_id"]}, {"$set": {"same": same_of(record["document"], record["field"])}})
