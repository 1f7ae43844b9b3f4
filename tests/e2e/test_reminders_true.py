"""Nobody is reminded of, or blamed for, what was done while the broker or deadline was away; what is true is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.messaging import wait_until
from tests.support.published_events import PublishedEvents
from tests.support.running_stack import QUICK, RunningStack, expect

EXPLANATION: Final = {
    "cause": "workload",
    "narrative": "Nhiều việc cùng lúc",
    "remedy": "Bố trí thêm người",
    "expected_finish": "2026-10-20",
}


@pytest.fixture(scope="module")
def stack_settings() -> dict[str, str]:
    """A quiet time that is longer than a service takes on this machine to connect to the broker again."""
    return {**QUICK, "DEADLINE_QUIET_SECONDS": "5"}


@pytest.fixture(scope="module")
async def published(stack: RunningStack) -> PublishedEvents:
    return await PublishedEvents.recorded_on(stack.services)


async def assign(stack: RunningStack, **body: Any) -> str:
    answer = await stack.as_("chair").post("/v1/tasks", {"title": "Báo cáo", "lead_agency": "stc"} | body)
    return str(expect(201, answer)["id"])


async def act(stack: RunningStack, username: str, task: str, name: str, **body: Any) -> None:
    expect(200, await stack.as_(username).post(f"/v1/tasks/{task}/{name}", body))


async def told(stack: RunningStack, username: str, task: str) -> Counter[str]:
    """Return which reminders a person got of a task."""
    entries = (await stack.as_(username).inbox(task_id=task))["items"]
    return Counter(entry["kind"] for entry in entries if entry["kind"].startswith("deadline."))


async def announced(published: PublishedEvents, tasks: Mapping[str, str]) -> dict[str, Counter[str]]:
    """Return what deadline has announced of each task."""
    events = [event for event in await published.read() if event.type.startswith("deadline.")]
    return {
        name: Counter(event.type for event in events if event.subject == task and event.type != "deadline.missed.v1")
        for name, task in tasks.items()
    }


async def measured(stack: RunningStack, name: str, **labels: str) -> float:
    text = (await stack.http.get(f"{stack.services.urls['deadline']}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


async def waits_quietly(stack: RunningStack) -> bool:
    """Whether moments have come, and deadline leaves them for later."""
    return await measured(stack, "dondoc_deadline_monitor_steps_total", outcome="paused") > 0


async def test_after_an_outage_of_the_broker_only_what_is_true_is_told(
    stack: RunningStack, published: PublishedEvents
) -> None:
    explained = await assign(stack, due_at="2026-10-05T10:00:00+07:00")
    await act(stack, "head-stc", explained, "receipt")
    await stack.wait_until_idle()
    stack.set_time("2026-10-05T10:30:00")
    await stack.wait_until_idle()
    tasks = {
        "explained": explained,
        "received": await assign(stack),
        "recalled": await assign(stack),
        "completed": await assign(stack, deadline="2026-10-14"),
        "neglected": await assign(stack),
        "unfinished": await assign(stack, deadline="2026-10-14"),
    }
    await act(stack, "head-stc", tasks["unfinished"], "receipt")
    await stack.wait_until_idle()

    await stack.servers.rabbitmq.stop()
    await act(stack, "head-stc", tasks["explained"], "explanation", **EXPLANATION)
    await act(stack, "head-stc", tasks["received"], "receipt")
    await act(stack, "chair", tasks["recalled"], "recall", reason="Không còn cần")
    await act(stack, "head-stc", tasks["completed"], "receipt")
    await act(stack, "head-stc", tasks["completed"], "report", summary="Đã xong")
    await act(stack, "chair", tasks["completed"], "report/decision", accepted=True)
    stack.set_time("2026-10-09T10:00:00")
    await wait_until(partial(waits_quietly, stack), "deadline leaves the moments for later")
    assert await measured(stack, "dondoc_deadline_paused") == 1
    await stack.servers.rabbitmq.start()
    await stack.wait_until_idle()

    assert await measured(stack, "dondoc_deadline_paused") == 0
    assert await announced(published, tasks) == {
        **{done: Counter() for done in ("explained", "received", "recalled", "completed")},
        "neglected": Counter(["deadline.receipt_overdue.v1"]),
        "unfinished": Counter(["deadline.due_soon.v1"]),
    }
    assert {name: await told(stack, "head-stc", task) for name, task in tasks.items()} == {
        **{done: Counter() for done in ("explained", "received", "recalled", "completed")},
        "neglected": Counter(["deadline.receipt_overdue"]),
        "unfinished": Counter(["deadline.due_soon"]),
    }


async def test_after_deadline_was_down_only_what_is_true_is_told_and_counted_from_then(
    stack: RunningStack, published: PublishedEvents
) -> None:
    stack.set_time("2026-10-12T09:00:00")
    tasks = {"received": await assign(stack), "neglected": await assign(stack)}
    due_on_friday = await assign(stack, deadline="2026-10-16")
    await act(stack, "head-stc", due_on_friday, "receipt")
    await stack.wait_until_idle()
    await stack.services.kill("deadline")
    await act(stack, "head-stc", tasks["received"], "receipt")
    stack.set_time("2026-10-14T10:00:00")
    await stack.services.start("deadline")
    await stack.wait_until_idle()
    assert await announced(published, tasks) == {
        "received": Counter(),
        "neglected": Counter(["deadline.receipt_overdue.v1"]),
    }
    entries = (await stack.as_("head-stc").inbox(task_id=due_on_friday))["items"]
    [reminder] = [entry for entry in entries if entry["kind"] == "deadline.due_soon"]
    assert "đến hạn ngày 16/10/2026, còn 02 ngày làm việc." in reminder["text"]
