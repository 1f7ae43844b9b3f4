"""The collection `names`: what the codes of agencies and the usernames of accounts are called."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared.mongo import Database, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES: Final = "names"


class Named(StrEnum):
    """Which kind of thing has a name."""

    AGENCY = "agency"
    ACCOUNT = "account"


class Names:
    """The names of agencies and accounts, from the latest event of each."""

    def __init__(self, database: Database) -> None:
        self._names = database[NAMES]

    async def keep_newest(self, what: Named, code: str, name: str, sequence: int) -> None:
        """Keep a name unless a newer one is known. Events may repeat and come in any order."""
        is_newer = {"$gt": [sequence, {"$ifNull": ["$sequence", -1]}]}
        newest = {
            "name": {"$cond": [is_newer, {"$literal": name}, "$name"]},
            "sequence": {"$max": ["$sequence", sequence]},
        }
        await self._names.update_one({"_id": _name_id(what, code)}, [{"$set": newest}], upsert=True)

    async def all(self, what: Named) -> dict[str, Record]:
        """Return all that is known, by code."""
        found = self._names.find({"_id": {"$gte": _name_id(what, ""), "$lt": f"{what};"}})
        return {record["_id"].partition(":")[2]: record async for record in found}

    async def of(self, what: Named, codes: Iterable[str]) -> dict[str, str]:
        """Return the known names by code."""
        ids = {_name_id(what, code): code for code in codes}
        found = self._names.find({"_id": {"$in": list(ids)}})
        return {ids[record["_id"]]: record["name"] async for record in found}


def _name_id(what: Named, code: str) -> str:
    return f"{what}:{code}"
