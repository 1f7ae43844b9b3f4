"""Loads the demo into a running stack."""

from typing import Literal

from deploy.demo.api import Api
from deploy.demo.days import Days
from deploy.demo.directory import make_directory
from deploy.demo.people import CHAIR
from deploy.demo.play import play
from deploy.demo.tasks import TASKS
from deploy.local.stack import DemoAccount, Stack
from shared.clock import true_now
from shared.office.workdays import WorkCalendar
from shared.settings import OfficeSettings

Demo = Literal["full", "directory", "none"]


async def load(stack: Stack, demo: Demo) -> list[DemoAccount]:
    """Create the demo, and return its accounts with their passwords. An attempt that was interrupted can be repeated.

    `full` lets the last 90 days pass on the stack's clock and ends with the true time. `directory` creates only
    agencies and accounts.

    Raises:
        LocalStackError: a service refused a request of the demo.

    """
    if demo == "none":
        return []
    async with Api.at(stack.urls["assignment"]) as api:
        api.know(stack.administrator)
        accounts = await make_directory(api, stack.administrator.username)
        if demo == "full":
            await _let_a_quarter_pass(stack, api)
    return accounts


async def _let_a_quarter_pass(stack: Stack, api: Api) -> None:
    earlier = await api.get("/v1/tasks?limit=200", by=CHAIR)
    # The clock is moved back only after every service has handled what happened at the true time.
    await stack.barrier()
    days = Days.seen_from(true_now(), WorkCalendar(OfficeSettings().policy()))
    try:
        await play(stack, api, days, TASKS, {task["id"] for task in earlier["items"]})
    finally:
        stack.clear_clock()
    await stack.barrier()
