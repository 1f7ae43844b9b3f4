"""The users of the broker in production: each publishes the events of its own service, and is refused the others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused

from deploy.compose.secrets import make_secrets
from deploy.local.servers import Servers
from deploy.services import SERVICES
from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, DEADLINE_EVENTS, TASK_EVENTS
from shared.messaging import topology
from tests.support.servers import Vhost

OWNERS: Final[Mapping[str, str]] = {
    **dict.fromkeys((*TASK_EVENTS, AGENCY_CHANGED, ACCOUNT_CHANGED), "assignment"),
    **dict.fromkeys(DEADLINE_EVENTS, "deadline"),
}


@pytest.fixture
async def urls(servers: Servers, vhost: Vhost, tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """The services' users as the definitions for compose have them, in a vhost of the test's own."""
    make_secrets(tmp_path / "secrets")
    definitions = json.loads((tmp_path / "secrets" / "rabbitmq_definitions").read_text(encoding="utf-8"))
    made = {service: f"{vhost.name}-{service}" for service in SERVICES}
    for service, user in made.items():
        await put(servers, f"/api/users/{user}", {"password": "mat-khau", "tags": ""})
        await put(servers, f"/api/permissions/{vhost.name}/{user}", of(definitions["permissions"], service))
        await put(servers, f"/api/topic-permissions/{vhost.name}/{user}", of(definitions["topic_permissions"], service))
    yield {service: servers.rabbitmq.uri_of(user, "mat-khau", vhost.name) for service, user in made.items()}
    for user in made.values():
        await servers.delete_broker_user(user)


async def put(servers: Servers, path: str, content: Mapping[str, Any]) -> None:
    (await servers.management.put(path, json=content)).raise_for_status()


def of(rights: list[dict[str, Any]], service: str) -> dict[str, Any]:
    (found,) = [each for each in rights if each["user"] == service]
    return {name: value for name, value in found.items() if name not in {"user", "vhost"}}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_publishes_its_own_events_and_no_others(urls: Mapping[str, str], service: str) -> None:
    async with await aio_pika.connect(urls[service]) as connection:
        await topology.declare(await connection.channel(), (1.0,))
        taken = [name for name in OWNERS if await is_taken(connection, name)]
    assert taken == [name for name, owner in OWNERS.items() if owner == service]


async def is_taken(connection: aio_pika.abc.AbstractConnection, event: str) -> bool:
    channel = await connection.channel()
    exchange = await channel.get_exchange(topology.EXCHANGE, ensure=False)
    try:
        await exchange.publish(aio_pika.Message(b"{}"), event)
    except ChannelAccessRefused:
        return False
    return True
