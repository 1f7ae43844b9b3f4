"""What happens on a stack within two weeks: enough that everything that is measured has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.support.running_stack import RunningStack, expect


@dataclass(frozen=True)
class Weeks:
    """The days on which something happens."""

    begins: str
    near: str
    due: str
    after: str


FIRST: Final = Weeks(begins="2026-10-05", near="2026-10-13", due="2026-10-16", after="2026-10-19")
SECOND: Final = Weeks(begins="2026-10-19", near="2026-10-27", due="2026-10-30", after="2026-11-02")

_PROMPT: Final[Sequence[tuple[str, str, Mapping[str, Any]]]] = (
    ("head-stc", "receipt", {}),
    ("head-stc", "delegation", {"officer": "officer-stc", "instruction": "Tham mưu"}),
    ("officer-stc", "progress", {"percent": 100}),
    ("head-stc", "report", {"summary": "Đã giải ngân 62,5%"}),
    ("chair", "report/decision", {"accepted": True}),
)
"""What becomes at once of the one agency's task."""
_LATE: Final[Sequence[tuple[str, str, Mapping[str, Any]]]] = (
    ("clerk-sxd", "receipt", {}),
    ("head-sxd", "delegation", {"officer": "officer-sxd", "instruction": "Tham mưu"}),
    ("officer-sxd", "progress", {"percent": 100}),
    ("chair", "urging", {"message": "Đề nghị khẩn trương báo cáo"}),
)
"""What becomes of another's, before it is late: the work is done, and nobody reports it."""


async def live_through(stack: RunningStack, weeks: Weeks) -> None:
    """One agency reports in time, another misses its deadline, a third has not even received its task."""
    prompt, late = await _assign(stack, weeks)
    for task, acts in ((prompt, _PROMPT), (late, _LATE)):
        for username, act, body in acts:
            await _act(stack, username, task, act, body)
    await _be_refused(stack, late)
    for day in (weeks.near, weeks.after):
        await stack.wait_until_idle()
        stack.set_time(f"{day}T09:00:00")
    await stack.wait_until_idle()
    await _read_the_newest(stack, "head-sxd")
    expect(200, await stack.as_("chair").get(f"/v1/deadlines/{late}", at="deadline"))
    await stack.as_("chair").summary()


async def _assign(stack: RunningStack, weeks: Weeks) -> tuple[str, str]:
    item = {"title": "Báo cáo giải ngân", "lead_agencies": ["stc", "sxd", "snn"], "deadline": weeks.due}
    document = {"number": "123/QĐ-UBND", "issued_on": weeks.begins, "summary": "Giải ngân vốn đầu tư công"}
    body = {"document": document, "authority": "chair", "assigner": "chair", "items": [item]}
    batch = expect(201, await stack.as_("coordinator").post("/v1/task-batches", body))
    prompt, late, _ = (task["id"] for task in batch["items"])
    return prompt, late


async def _act(stack: RunningStack, username: str, task: str, act: str, body: Mapping[str, Any]) -> None:
    expect(200, await stack.as_(username).post(f"/v1/tasks/{task}/{act}", body))


async def _be_refused(stack: RunningStack, task: str) -> None:
    """Ask for what the rules forbid, and for what is not there."""
    expect(409, await stack.as_("head-sxd").post(f"/v1/tasks/{task}/receipt", {}))
    expect(404, await stack.as_("head-stc").get(f"/v1/tasks/{task}"))


async def _read_the_newest(stack: RunningStack, username: str) -> None:
    reader = stack.as_(username)
    newest = (await reader.inbox())["items"][0]["id"]
    answer = await reader.post(f"/v1/inbox/{newest}/read", at="notification")
    assert answer.is_success, answer.text
