"""How MongoDB is prepared, in containers and in the local stack: a replica set of one member, and users."""

import base64
import secrets
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, OperationFailure

REPLICA_SET: Final = "dondoc"
_ALREADY_INITIALIZED: Final = 23

Client = AsyncMongoClient[dict[str, Any]]


def new_key() -> str:
    """Make the key with which members of a replica set authenticate to one another. A server with users needs one."""
    return base64.b64encode(secrets.token_bytes(96)).decode()


def configuration(host: str, version: int = 1) -> dict[str, Any]:
    return {"_id": REPLICA_SET, "version": version, "members": [{"_id": 0, "host": host}]}


async def initiate(client: Client, host: str) -> bool:
    """Make the replica set, and return whether this call made it."""
    try:
        await client.admin.command("replSetInitiate", configuration(host))
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
        return False
    return True


async def is_primary(client: Client) -> bool:
    try:
        return bool((await client.admin.command("hello"))["isWritablePrimary"])
    except AutoReconnect:
        return False


async def put_user(client: Client, database: str, username: str, password: str) -> None:
    """Create or update a user who can read and write this database and no other."""
    known = await client[database].command("usersInfo", username)
    command = "updateUser" if known["users"] else "createUser"
    roles = [{"role": "readWrite", "db": database}]
    await client[database].command(command, username, pwd=password, roles=roles)
