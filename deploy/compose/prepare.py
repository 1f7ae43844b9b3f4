"""Makes MongoDB a replica set with a user for each service: what a new stack needs once, and no harm does again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, OperationFailure
from pymongo.uri_parser import parse_uri

SECRETS: Final = Path("/run/secrets")
SERVICES: Final = ("assignment", "deadline", "notification", "reporting")
_ALREADY_INITIALIZED: Final = 23
_PRIMARY_WITHIN_SECONDS: Final = 60


async def prepare() -> None:
    """Initiate the replica set, wait for its primary, and let each service's user into that service's database."""
    password = _secret("mongodb_password")
    address = f"mongodb://dondoc-admin:{password}@mongodb:27017/?authSource=admin"
    async with AsyncMongoClient[dict[str, Any]](address, directConnection=True) as client:
        await _initiate(client)
        async with asyncio.timeout(_PRIMARY_WITHIN_SECONDS):
            while not await _is_primary(client):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.2)
        for service in SERVICES:
            await _let_in(client, service)


def _secret(name: str) -> str:
    return (SECRETS / name).read_text(encoding="utf-8").strip()


async def _initiate(client: AsyncMongoClient[dict[str, Any]]) -> None:
    members = [{"_id": 0, "host": "mongodb:27017"}]
    try:
        await client.admin.command("replSetInitiate", {"_id": "dondoc", "members": members})
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise


async def _is_primary(client: AsyncMongoClient[dict[str, Any]]) -> bool:
    try:
        return bool((await client.admin.command("hello"))["isWritablePrimary"])
    except AutoReconnect:
        return False


async def _let_in(client: AsyncMongoClient[dict[str, Any]], service: str) -> None:
    password = parse_uri(_secret(f"{service}_mongodb_uri"))["password"]
    known = await client[service].command("usersInfo", service)
    command = "updateUser" if known["users"] else "createUser"
    roles = [{"role": "readWrite", "db": service}]
    await client[service].command(command, service, pwd=password, roles=roles)


if __name__ == "__main__":
    asyncio.run(prepare())
