"""Look-ups that arrive together are made together, and are still everyone's own."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from services.assignment.directory.lookups import Lookups
from services.assignment.directory.session_store import SessionStore
from services.assignment.directory.store import ACCOUNTS, DirectoryStore
from shared.mongo import connect
from tests.support.servers import Database


def _account(username: str, role: str) -> dict[str, Any]:
    plain = {"_id": username, "version": 1, "display_name": username, "role": role, "agency": None}
    return {**plain, "position": None, "email": None, "scopes": [], "disabled": False}


async def test_an_account_that_a_later_version_wrote_is_nobody_elses_trouble(database: Database) -> None:
    with closing(connect(database.uri, "tests")) as client:
        accounts = client[database.name][ACCOUNTS]
        await accounts.insert_many([_account("an", "leader"), _account("binh", "leader"), _account("chi", "deputy")])
        lookups = Lookups(DirectoryStore(client[database.name]), SessionStore(client[database.name]))

        first, odd, beside = await asyncio.gather(
            lookups.account("an"), lookups.account("chi"), lookups.account("binh"), return_exceptions=True
        )

    assert getattr(first, "username", None) == "an"
    assert isinstance(odd, ValueError)
    assert getattr(beside, "username", None) == "binh"
