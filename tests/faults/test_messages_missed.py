"""`deadline.missed` comes repeatedly, early, late or stale: assignment records one miss."""

from __future__ import annotations

from datetime import datetime

from deploy.local.servers import Servers
from shared.events.codec import encode
from shared.events.deadline import DeadlineReached
from shared.events.envelope import Event
from shared.messaging.topology import dead_queue
from tests.support.assignment import DUE_AT, LATER_DEADLINE, running_tasks
from tests.support.clock import local
from tests.support.consumers import send, sender
from tests.support.messaging import ready_in, settled, wait_until


def missed(task_id: str, due_at: datetime) -> Event[DeadlineReached]:
    reached = DeadlineReached(
        task_id=task_id,
        sequence=1,
        title="Báo cáo",
        lead_agency="lead",
        assigner="leader",
        entered_by="leader",
        due_at=due_at,
        moment=due_at,
    )
    return Event[DeadlineReached](
        id=f"{task_id}:missed:{due_at.isoformat()}:0",
        source="/deadline",
        type="deadline.missed.v1",
        subject=task_id,
        time=due_at,
        sequence="1",
        data=reached,
    )


async def test_a_miss_told_repeatedly_early_and_of_another_moment_is_recorded_once(servers: Servers) -> None:
    due_at, other = local(DUE_AT), local(f"{LATER_DEADLINE}T23:59:59.999")
    async with running_tasks(servers) as service, sender(service.vhost.amqp_url, (1, 5, 30, 120, 600)) as publisher:
        task_id = await service.assigned()
        decoded = missed(task_id, due_at)
        assert b'"deadline.missed.v1"' in encode(decoded)
        await send(publisher, [decoded, missed(task_id, other), missed("nobody", due_at)])
        await wait_until(lambda: _waits(service.vhost.amqp_url), "the early one waits")
        assert [entry["act"] for entry in await service.history(task_id)] == ["assigned"]
        service.clock.set("2026-10-17T09:00:00")
        await send(publisher, [decoded] * 20)
        await settled(servers, service.vhost, ["assignment"])
        history = await service.history(task_id)
        assert await ready_in(service.vhost.amqp_url, dead_queue("assignment")) == 0
    assert [(entry["act"], entry["by"]) for entry in history] == [
        ("assigned", "leader"),
        ("explanation_required", "system"),
    ]


async def _waits(amqp_url: str) -> bool:
    return await ready_in(amqp_url, "assignment.retry.1000") == 1
