"""Makes MongoDB a replica set with a user for each service. A new stack needs this once; repeating it does no harm."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from pymongo.uri_parser import parse_uri

from deploy.replica_set import Client, initiate, is_primary, put_user
from deploy.services import SERVICES

SECRETS: Final = Path("/run/secrets")
_HOST: Final = "mongodb:27017"
_PRIMARY_WITHIN_SECONDS: Final = 60


async def prepare() -> None:
    """Initiate the replica set, wait for its primary, and give each service a user for its own database."""
    password = _secret("mongodb_password")
    async with Client(f"mongodb://dondoc-admin:{password}@{_HOST}/?authSource=admin", directConnection=True) as client:
        await initiate(client, _HOST)
        async with asyncio.timeout(_PRIMARY_WITHIN_SECONDS):
            while not await is_primary(client):  # noqa: ASYNC110 - the server sends no event
                await asyncio.sleep(0.2)
        for service in SERVICES:
            await put_user(client, service, service, _password_of(service))


def _password_of(service: str) -> str:
    return str(parse_uri(_secret(f"{service}_mongodb_uri"))["password"])


def _secret(name: str) -> str:
    return (SECRETS / name).read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    asyncio.run(prepare())
